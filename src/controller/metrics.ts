/** The faults as Prometheus series, so that every panel can be overlaid with their windows. @module */
import { Gauge, Registry } from "prom-client";
import type { FaultEvent } from "../model/fault.ts";

/** Past faults shown; older ones would only make the series grow. */
const KEEP = 100;

export async function faultMetrics(
  active: readonly FaultEvent[],
  past: readonly FaultEvent[],
): Promise<string> {
  const registry = new Registry();
  const labelNames = ["id", "type", "target", "backend"];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers: [registry] });
  const isActive = gauge("chaoslab_fault_active", "1 while the fault is in force, 0 after.");
  const start = gauge("chaoslab_fault_start_timestamp_seconds", "When the fault came into force, Unix time.");
  const stop = gauge("chaoslab_fault_stop_timestamp_seconds", "When the fault was reverted, Unix time.");
  const remains = gauge("chaoslab_fault_remains", "1 when it was seen after its revert, 0 when it was not.");
  const activeIds = new Set(active.map((event) => event.id));
  const ended = past.filter((event) => !activeIds.has(event.id)).slice(-KEEP);
  for (const event of [...ended, ...active]) {
    const { id, fault_type: type, target, backend, t_start, t_stop, gone } = event;
    const labels = { id, type, target, backend };
    isActive.set(labels, t_stop === null ? 1 : 0);
    start.set(labels, t_start / 1000);
    if (t_stop !== null) stop.set(labels, t_stop / 1000);
    if (gone !== null) remains.set(labels, gone ? 0 : 1);
  }
  return registry.metrics();
}
