/**
 * Counts what became of each request: deltas per tick by (arrival second, operation, tenant), and totals.
 * Memory grows with the number of distinct seconds still open, not with time.
 * @module
 */
import {
  goodOf,
  type HistogramData,
  isAnswer,
  LATE_MS,
  type LatencySummary,
  type LoadDelta,
  type OperationSummary,
  type Outcome,
  type OutcomeCounts,
  requestsOf,
} from "../model/load.ts";
import { BUCKETS, bucketOf, Histogram, toMicros } from "./histogram.ts";

/** What the recorder needs to know of a request. */
export interface Recorded {
  /** Intended send time in milliseconds since the load's start. */
  readonly offsetMs: number;
  /** Index into the workload's operations. */
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

const scratch = new Uint32Array(BUCKETS);

/** The sparse form of the histogram of these buckets, by counting: sorting 50,000 would hold up the load for 10 ms. */
function sparse(buckets: readonly number[]): number[] {
  const seen: number[] = [];
  for (const bucket of buckets) {
    const before = scratch[bucket] ?? 0;
    if (before === 0) seen.push(bucket);
    scratch[bucket] = before + 1;
  }
  seen.sort((a, b) => a - b);
  const pairs: number[] = [];
  for (const bucket of seen) {
    pairs.push(bucket, scratch[bucket] ?? 0);
    scratch[bucket] = 0;
  }
  return pairs;
}

const increment = (counts: OutcomeCounts, outcome: Outcome): void => {
  counts[outcome] = (counts[outcome] ?? 0) + 1;
};

/** Totals of one operation. */
export class OperationTotals {
  readonly outcomes: OutcomeCounts = {};
  readonly latency = new Histogram();
  readonly serviceTime = new Histogram();

  /** Null when there was no request. */
  summary(): OperationSummary | null {
    const requests = requestsOf(this.outcomes);
    if (requests === 0) return null;
    return {
      requests,
      outcomes: { ...this.outcomes },
      error_rate: 1 - goodOf(this.outcomes) / requests,
      latency: summarise(this.latency),
      service_time: summarise(this.serviceTime),
      histograms: { latency: this.latency.toData(), service_time: this.serviceTime.toData() },
    };
  }
}

export class LoadRecorder {
  readonly #operations: readonly string[];
  readonly #tenants: number;
  readonly #open = new Map<number, OpenDelta>();
  readonly #totals: readonly OperationTotals[];
  readonly #slip = new Histogram();
  /** Buckets of what was handed on since the last `takeSlip`. */
  #slipBuckets: number[] = [];
  #slipMaxMs = 0;
  #late = 0;

  constructor(operations: readonly string[], tenants: number) {
    this.#operations = operations;
    this.#tenants = tenants;
    this.#totals = operations.map(() => new OperationTotals());
  }

  /** A request left the generator `slipMs` after its intended time. */
  dispatched(slipMs: number): void {
    const us = toMicros(slipMs);
    this.#slip.record(us);
    this.#slipBuckets.push(bucketOf(us));
    if (slipMs > LATE_MS) this.#late++;
    if (slipMs > this.#slipMaxMs) this.#slipMaxMs = slipMs;
  }

  /**
   * A request ended `latencyMs` after its intended time, and `serviceMs` after it was sent; null when it never was.
   */
  ended(request: Recorded, outcome: Outcome, latencyMs: number, serviceMs: number | null): void {
    const delta = this.#deltaOf(request);
    const total = this.#totals[request.operation];
    increment(delta.outcomes, outcome);
    if (total) increment(total.outcomes, outcome);
    if (!isAnswer(outcome)) return;
    const us = toMicros(latencyMs);
    delta.buckets.push(bucketOf(us));
    total?.latency.record(us);
    if (serviceMs !== null) total?.serviceTime.record(toMicros(serviceMs));
  }

  /** True when something ended since the last `takeDeltas`. */
  get hasDeltas(): boolean {
    return this.#open.size > 0;
  }

  /** Requests that left late so far. */
  get late(): number {
    return this.#late;
  }

  /** Slip since the last call: its worst in milliseconds, and the sparse form of its histogram. */
  takeSlip(): { slip_max_ms: number; slip: number[] } {
    const taken = { slip_max_ms: roundMs(this.#slipMaxMs * 1_000), slip: sparse(this.#slipBuckets) };
    this.#slipMaxMs = 0;
    this.#slipBuckets = [];
    return taken;
  }

  /** What ended since the last call, ordered by second, operation and tenant. */
  takeDeltas(): LoadDelta[] {
    const keys = [...this.#open.keys()].sort((a, b) => a - b);
    const deltas: LoadDelta[] = [];
    for (const key of keys) {
      const delta = this.#open.get(key);
      const operation = this.#operations[delta?.operation ?? -1];
      if (!delta || operation === undefined) continue;
      const { second, tenant, outcomes, buckets } = delta;
      deltas.push({ second, operation, tenant, outcomes, latency: sparse(buckets) });
    }
    this.#open.clear();
    return deltas;
  }

  slip(): { summary: LatencySummary; data: HistogramData } {
    return { summary: summarise(this.#slip), data: this.#slip.toData() };
  }

  /** Totals of the operations that had any request. */
  operations(): Record<string, OperationSummary> {
    const summaries: Record<string, OperationSummary> = {};
    this.#operations.forEach((operation, i) => {
      const summary = this.#totals[i]?.summary();
      if (summary) summaries[operation] = summary;
    });
    return summaries;
  }

  #deltaOf({ offsetMs, operation, tenant }: Recorded): OpenDelta {
    const second = Math.floor(offsetMs / 1_000);
    const key = (second * this.#operations.length + operation) * this.#tenants + tenant;
    let delta = this.#open.get(key);
    if (!delta) {
      delta = { second, operation, tenant, outcomes: {}, buckets: [] };
      this.#open.set(key, delta);
    }
    return delta;
  }
}
