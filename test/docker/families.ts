/** A schedule with every family of faults, three to an experiment, one after the other, in windows as short as they may be. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { FaultSpec } from "../../src/model/fault.ts";
import type { Hypothesis, ScheduleFile } from "../../src/model/schedule.ts";

const FAULTS: Readonly<Record<string, readonly FaultSpec[]>> = {
  "network-resource-dependency": [
    { type: "latency", target: "payments", params: { delay_ms: 100 } },
    { type: "cpu", target: "orders-2", params: { cores: 0.05 } },
    { type: "dependency", target: "payments", params: { error_rate_percent: 50 } },
  ],
  "connection-clock-process": [
    { type: "toxic", target: "payments", params: { toxic: "latency", latency_ms: 100 } },
    { type: "clock", target: "orders-2", params: { offset_ms: 300_000 } },
    { type: "kill", target: "orders-1", params: {} },
  ],
};
const EACH_S = 4;

/** Writes it into the folder; returns its path. Bounds are wide: it is about faults, not about how fast this machine is. */
export function familySchedule(folder: string): string {
  const hypotheses = Object.entries(FAULTS).map(
    ([name, faults]): Hypothesis => ({
      name,
      sli: "write_p99",
      steady_state: "< 2 s",
      slo_threshold: "< 3 s",
      faults: faults.map((fault, i) => ({ ...fault, at_s: i * EACH_S, for_s: EACH_S })),
      window_s: faults.length * EACH_S,
    }),
  );
  const document: ScheduleFile = {
    name: "families",
    seed: 1,
    load: { rate: 60, reads: 0.8, tenants: 20, timeout_s: 4 },
    lab: { mitigations: "all" },
    profiles: { full: { warmup_s: 1, baseline_s: 5, recovery_s: 10 } },
    slos: { read_availability: { steady: ">= 90 %", fault: ">= 50 %" } },
    hypotheses,
  };
  const file = join(folder, "families.yaml");
  writeFileSync(file, stringify(document));
  return file;
}
