/** Made-up systems for the tests: what each would have had recorded at a rate, second by second. @module */
import { type Counts, noCounts } from "../load/counts.ts";
import { bucketOf, toMicros } from "../load/histogram.ts";
import { DEFAULT_LIMITS } from "../load/run.ts";
import type { Criteria } from "./breach.ts";
import { type Objective, parseObjective } from "./objective.ts";
import type { Second } from "./second.ts";

/** What a system does at a rate in its `t`-th second. */
export interface Behaviour {
  /** Of the request at quantile `u`, milliseconds. */
  latencyMs: (u: number) => number;
  /** Share that fails, 0 unless given. */
  errors?: number;
  /** Requests that end well per second; the rate less the errors unless given. */
  completed?: number;
}
export type System = (rate: number, t: number) => Behaviour;

const flat = (ms: number) => (): number => ms;

/** M/M/1: exponential sojourn of mean 1 / (capacity - rate); above capacity a queue that grows. */
export const queue =
  (capacity: number): System =>
  (rate, t) =>
    rate < capacity
      ? { latencyMs: (u) => (-Math.log(1 - u) * 1_000) / (capacity - rate) }
      : { latencyMs: flat(((t + 1) * 1_000 * (rate - capacity + 1)) / capacity), completed: capacity };

/** Sheds what is above capacity at once, as fast as ever. */
export const shedding =
  (capacity: number): System =>
  (rate) => ({ latencyMs: flat(5), errors: Math.max(0, 1 - capacity / rate) });

/** Answers all, but completes no more than its capacity: the rest is still to come when the step is over. */
export const stalling =
  (capacity: number): System =>
  (rate) => ({ latencyMs: flat(5), completed: Math.min(rate, capacity) });

export const even: System = () => ({ latencyMs: flat(10) });

/** Slow for the seconds `from` up to but not including `to`, of every step. */
export const spike =
  (from: number, to: number): System =>
  (_, t) => ({ latencyMs: flat(t >= from && t < to ? 2_000 : 10) });

export function secondOf(rate: number, { latencyMs, errors = 0, completed }: Behaviour): Second {
  const requests = Math.round(rate);
  const good = Math.round(requests * (1 - errors));
  const counts: Counts = { ...noCounts(), requests, good, answered: requests };
  for (let i = 0; i < requests; i++) {
    const bucket = bucketOf(toMicros(latencyMs((i + 0.5) / requests)));
    counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + 1);
  }
  return {
    rate,
    operations: { "GET /": counts },
    dropped: 0,
    completed: completed ?? counts.good,
    sent: requests,
    late: 0,
    slip: [bucketOf(1_000), 100],
    cpuShare: 0.2,
  };
}

export const secondsOf = (system: System, rate: number, duration = 10): Second[] =>
  Array.from({ length: duration }, (_, t) => secondOf(rate, system(rate, t)));

export function objective(text: string): Objective {
  const parsed = parseObjective(text);
  if (!parsed) throw new Error(`not an objective: ${text}`);
  return parsed;
}

export const CRITERIA: Criteria = {
  objectives: [objective("p99 < 250 ms"), objective("error_rate < 0.1 %")],
  kneeShare: 0.95,
  sustainS: 3,
  timeoutMs: 5_000,
  limits: DEFAULT_LIMITS,
};
