/**
 * Counts what became of each request: deltas per tick by (arrival second, operation, tenant), and totals.
 * Memory grows with the number of distinct seconds still open, not with time.
 * @module
 */
import {
  type LatencySummary,
  type LoadDelta,
  OPERATIONS,
  type Operation,
  type OperationSummary,
  type Outcome,
} from "../model/load.ts";
import { bucketOf, Histogram, toMicros } from "./histogram.ts";

type OutcomeCounts = Partial<Record<Outcome, number>>;

/** What the recorder needs to know of a request. */
export interface Recorded {
  /** Intended send time in milliseconds since the load's start. */
  readonly offsetMs: number;
  /** Index into OPERATIONS. */
  readonly operation: number;
  readonly tenant: number;
}

interface OpenDelta {
  second: number;
  operation: number;
  tenant: number;
  outcomes: OutcomeCounts;
  /** Bucket of each answer, unsorted. */
  buckets: number[];
}

/** Outcomes that are an answer of the target, whatever it says. */
const ANSWERED: ReadonlySet<Outcome> = new Set<Outcome>(["2xx", "3xx", "4xx", "5xx"]);

const roundMs = (us: number): number => Math.round(us) / 1_000;

/** In milliseconds, to the microsecond. */
export function summarise(histogram: Histogram): LatencySummary {
  return {
    count: histogram.count,
    mean_ms: roundMs(histogram.mean),
    p50_ms: roundMs(histogram.quantile(0.5)),
    p90_ms: roundMs(histogram.quantile(0.9)),
    p99_ms: roundMs(histogram.quantile(0.99)),
    p999_ms: roundMs(histogram.quantile(0.999)),
    max_ms: roundMs(histogram.max),
  };
}

/** Sorted, run-length encoded: the sparse form of the histogram. */
function sparse(buckets: number[]): number[] {
  buckets.sort((a, b) => a - b);
  const pairs: number[] = [];
  for (let i = 0; i < buckets.length; ) {
    const bucket = buckets[i] ?? 0;
    const start = i;
    while (i < buckets.length && buckets[i] === bucket) i++;
    pairs.push(bucket, i - start);
  }
  return pairs;
}

const increment = (counts: OutcomeCounts, outcome: Outcome): void => {
  counts[outcome] = (counts[outcome] ?? 0) + 1;
};

export class LoadRecorder {
  readonly #tenants: number;
  readonly #open = new Map<number, OpenDelta>();
  readonly #totals = OPERATIONS.map(() => ({ outcomes: {} as OutcomeCounts, latency: new Histogram() }));
  readonly #slip = new Histogram();
  #slipMaxMs = 0;

  constructor(tenants: number) {
    this.#tenants = tenants;
  }

  /** A request left the generator `slipMs` after its intended time. */
  dispatched(slipMs: number): void {
    this.#slip.record(toMicros(slipMs));
    if (slipMs > this.#slipMaxMs) this.#slipMaxMs = slipMs;
  }

  /** A request ended `latencyMs` after its intended time. */
  ended(request: Recorded, outcome: Outcome, latencyMs: number): void {
    const delta = this.#deltaOf(request);
    const total = this.#totals[request.operation];
    increment(delta.outcomes, outcome);
    if (total) increment(total.outcomes, outcome);
    if (!ANSWERED.has(outcome)) return;
    const us = toMicros(latencyMs);
    delta.buckets.push(bucketOf(us));
    total?.latency.record(us);
  }

  /** True when something ended since the last `takeDeltas`. */
  get hasDeltas(): boolean {
    return this.#open.size > 0;
  }

  /** Worst slip since the last call, in milliseconds. */
  takeSlipMax(): number {
    const worst = roundMs(this.#slipMaxMs * 1_000);
    this.#slipMaxMs = 0;
    return worst;
  }

  /** What ended since the last call, ordered by second, operation and tenant. */
  takeDeltas(): LoadDelta[] {
    const keys = [...this.#open.keys()].sort((a, b) => a - b);
    const deltas: LoadDelta[] = [];
    for (const key of keys) {
      const delta = this.#open.get(key);
      const operation = OPERATIONS[delta?.operation ?? -1];
      if (!delta || !operation) continue;
      const { second, tenant, outcomes, buckets } = delta;
      deltas.push({ second, operation, tenant, outcomes, latency: sparse(buckets) });
    }
    this.#open.clear();
    return deltas;
  }

  slip(): LatencySummary {
    return summarise(this.#slip);
  }

  /** Totals of the operations that had any request. */
  operations(): Partial<Record<Operation, OperationSummary>> {
    const summaries: Partial<Record<Operation, OperationSummary>> = {};
    OPERATIONS.forEach((operation, i) => {
      const total = this.#totals[i];
      if (!total) return;
      const requests = Object.values(total.outcomes).reduce((sum, count) => sum + count, 0);
      if (requests === 0) return;
      summaries[operation] = {
        requests,
        outcomes: total.outcomes,
        error_rate: 1 - good(total.outcomes) / requests,
        latency: summarise(total.latency),
      };
    });
    return summaries;
  }

  #deltaOf({ offsetMs, operation, tenant }: Recorded): OpenDelta {
    const second = Math.floor(offsetMs / 1_000);
    const key = (second * OPERATIONS.length + operation) * this.#tenants + tenant;
    let delta = this.#open.get(key);
    if (!delta) {
      delta = { second, operation, tenant, outcomes: {}, buckets: [] };
      this.#open.set(key, delta);
    }
    return delta;
  }
}

/** Requests that ended in 2xx or 3xx. */
export function good(outcomes: OutcomeCounts): number {
  return (outcomes["2xx"] ?? 0) + (outcomes["3xx"] ?? 0);
}
