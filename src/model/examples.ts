/** Params of each fault type that are sensible on any lab: for documentation, for the doctor's trials, for tests. @module */
import type { FaultType } from "./params.ts";

export const EXAMPLES: Readonly<Record<FaultType, Readonly<Record<string, unknown>>>> = {
  latency: { delay_ms: 200, jitter_ms: 50 },
  loss: { loss_percent: 5 },
  duplicate: { duplicate_percent: 5 },
  corrupt: { corrupt_percent: 5 },
  reorder: { reorder_percent: 25, delay_ms: 20 },
  bandwidth: { rate_kbit: 1_000 },
  partition: {},
  kill: {},
  stop: {},
  restart: { drain: true },
  cpu: { cores: 0.5 },
  memory: { limit_mib: 512 },
  disk: { fill_percent: 90 },
  clock: { offset_ms: 300_000 },
  toxic: { toxic: "latency", latency_ms: 200, jitter_ms: 50 },
  dependency: { error_rate_percent: 50 },
};
