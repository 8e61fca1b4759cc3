/**
 * Sums over requests that ended, and quantiles of their latency: what every judgement is computed from.
 * @module
 */
import {
  goodOf,
  isAnswer,
  type LoadDelta,
  type LoadTick,
  type Outcome,
  type OutcomeCounts,
  requestsOf,
} from "../model/load.ts";
import { bucketBounds } from "./histogram.ts";

/** Requests that ended in a tick, whatever second and tenant they are of. */
export type Ended = Pick<LoadDelta, "operation" | "outcomes" | "latency">;

/** A tick as those see it who follow the load while it runs. */
export type FollowedTick = Omit<LoadTick, "deltas"> & { deltas: readonly Ended[] };

/** Adds up the deltas of each operation, once for all who follow: there may be thousands of tenants. */
export function followed(tick: LoadTick): FollowedTick {
  const operations = Map.groupBy(tick.deltas, ({ operation }) => operation);
  const deltas = [...operations].map(([operation, group]): Ended => {
    const outcomes: OutcomeCounts = {};
    const counts = noCounts();
    for (const delta of group) {
      addLatency(counts, delta.latency);
      for (const [outcome, n] of Object.entries(delta.outcomes)) {
        outcomes[outcome as Outcome] = (outcomes[outcome as Outcome] ?? 0) + n;
      }
    }
    const latency = [...counts.latency].sort(([a], [b]) => a - b).flat();
    return { operation, outcomes, latency };
  });
  return { ...tick, deltas };
}

export interface Counts {
  requests: number;
  /** Ended well. */
  good: number;
  /** Ended well, with less than was asked for. */
  degraded: number;
  /** Answered at all. */
  answered: number;
  /** Latency of the answered ones: bucket of the load's histogram to count. */
  latency: Map<number, number>;
}

export const noCounts = (): Counts => ({
  requests: 0,
  good: 0,
  degraded: 0,
  answered: 0,
  latency: new Map(),
});

export function addOutcomes(counts: Counts, outcomes: OutcomeCounts): void {
  counts.requests += requestsOf(outcomes);
  counts.good += goodOf(outcomes);
  counts.degraded += outcomes.degraded ?? 0;
  for (const [outcome, n] of Object.entries(outcomes)) {
    if (isAnswer(outcome as Outcome)) counts.answered += n;
  }
}

export function addLatency(counts: Counts, sparse: readonly number[]): void {
  for (let i = 0; i + 1 < sparse.length; i += 2) {
    const bucket = sparse[i] ?? 0;
    counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + (sparse[i + 1] ?? 0));
  }
}

/** The same without the latencies. */
export function addOutcomeCounts(counts: Counts, other: Counts): void {
  counts.requests += other.requests;
  counts.good += other.good;
  counts.degraded += other.degraded;
  counts.answered += other.answered;
}

/** Adds what `other` counted to `counts`. */
export function addCounts(counts: Counts, other: Counts): void {
  addOutcomeCounts(counts, other);
  for (const [bucket, n] of other.latency) counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + n);
}

/** Requests that took longer than `ms` milliseconds, to the histogram's resolution, or were never answered. */
export function slowerThan(counts: Counts, ms: number): number {
  let slow = counts.requests - counts.answered;
  for (const [bucket, n] of counts.latency) if (bucketBounds(bucket)[1] / 1000 > ms) slow += n;
  return slow;
}

/** @param operation null: all of them together. */
export function countsOf(deltas: Iterable<Ended>, operation: string | null): Counts {
  const counts = noCounts();
  for (const delta of deltas) {
    if (operation !== null && delta.operation !== operation) continue;
    addOutcomes(counts, delta.outcomes);
    addLatency(counts, delta.latency);
  }
  return counts;
}

/**
 * The quantile `q` of latency in milliseconds. Requests without an answer rank above all answered ones, so that a
 * hanging system cannot look fast; where the rank falls among them the answer is the client's timeout, a lower bound.
 * Null when there were no requests.
 */
export function latencyQuantile(counts: Counts, q: number, timeoutMs: number): number | null {
  if (counts.requests === 0) return null;
  const rank = Math.max(1, Math.ceil(q * counts.requests - 1e-6));
  if (rank > counts.answered) return timeoutMs;
  let seen = 0;
  for (const bucket of [...counts.latency.keys()].sort((a, b) => a - b)) {
    seen += counts.latency.get(bucket) ?? 0;
    if (seen >= rank) return bucketBounds(bucket)[1] / 1000;
  }
  return timeoutMs;
}
