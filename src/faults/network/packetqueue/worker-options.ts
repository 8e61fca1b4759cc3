/** What a packet worker is told. @module */
import type { Impairment } from "../impairment.ts";

export interface WorkerOptions extends Impairment {
  queue: number;
  seed: number;
  maxLifetimeMs: number;
}

const LONGEST_MS = 60_000;

/** The flags of `chaoslab internal nfqueue` that say what to do with packets; one that is not given is 0. */
export const WORKER_NUMBERS = [
  { flag: "delay-ms", key: "delayMs", max: LONGEST_MS },
  { flag: "jitter-ms", key: "jitterMs", max: LONGEST_MS },
  { flag: "loss-percent", key: "lossPercent", max: 100 },
  { flag: "correlation-percent", key: "correlationPercent", max: 100 },
  { flag: "duplicate-percent", key: "duplicatePercent", max: 100 },
  { flag: "corrupt-percent", key: "corruptPercent", max: 100 },
  { flag: "reorder-percent", key: "reorderPercent", max: 100 },
] as const satisfies readonly { flag: string; key: keyof Impairment; max: number }[];
