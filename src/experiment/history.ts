/**
 * The recorded history of a load, by arrival second: what every judgement is computed from.
 * A request belongs to the second it was meant to be sent in, however late it ended.
 * @module
 */
import { bucketBounds } from "../load/histogram.ts";
import { goodOf, isAnswer, type LoadDelta, type Outcome, requestsOf } from "../model/load.ts";
import { SLIS, type SliName } from "../model/sli.ts";

/** Sums over some arrival seconds of one operation. */
export interface Counts {
  requests: number;
  /** Ended well. */
  good: number;
  /** Answered at all. */
  answered: number;
  /** Latency of the answered ones: bucket of the load's histogram to count. */
  latency: Map<number, number>;
}

const empty = (): Counts => ({ requests: 0, good: 0, answered: 0, latency: new Map() });

function addOutcomes(counts: Counts, outcomes: LoadDelta["outcomes"]): void {
  counts.requests += requestsOf(outcomes);
  counts.good += goodOf(outcomes);
  for (const [outcome, n] of Object.entries(outcomes)) {
    if (isAnswer(outcome as Outcome)) counts.answered += n;
  }
}

function addLatency(counts: Counts, sparse: readonly number[]): void {
  for (let i = 0; i + 1 < sparse.length; i += 2) {
    const bucket = sparse[i] ?? 0;
    counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + (sparse[i + 1] ?? 0));
  }
}

export function countsOf(deltas: Iterable<LoadDelta>, operation: string): Counts {
  const counts = empty();
  for (const delta of deltas) {
    if (delta.operation !== operation) continue;
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

export function sliOf(counts: Counts, sli: SliName, timeoutMs: number): number | null {
  if (counts.requests === 0) return null;
  switch (SLIS[sli].kind) {
    case "availability":
      return counts.good / counts.requests;
    case "error_rate":
      return (counts.requests - counts.good) / counts.requests;
    case "p99":
      return latencyQuantile(counts, 0.99, timeoutMs);
  }
}

export class History {
  readonly #seconds = new Map<string, Counts[]>();

  /** @param timeoutMs the client's timeout: what an unanswered request counts as in a latency quantile. */
  constructor(readonly timeoutMs: number) {}

  add(delta: LoadDelta): void {
    const seconds = this.#seconds.get(delta.operation) ?? [];
    this.#seconds.set(delta.operation, seconds);
    while (seconds.length <= delta.second) seconds.push(empty());
    const counts = seconds[delta.second];
    if (!counts) return;
    addOutcomes(counts, delta.outcomes);
    addLatency(counts, delta.latency);
  }

  /** Arrival seconds seen, from 0. */
  get length(): number {
    return Math.max(0, ...[...this.#seconds.values()].map((seconds) => seconds.length));
  }

  /** Sums over arrival seconds `from` up to but not including `to`. */
  window(operation: string, from: number, to: number): Counts {
    const sum = empty();
    for (const counts of this.#seconds.get(operation)?.slice(Math.max(0, from), Math.max(0, to)) ?? []) {
      sum.requests += counts.requests;
      sum.good += counts.good;
      sum.answered += counts.answered;
      for (const [bucket, n] of counts.latency) sum.latency.set(bucket, (sum.latency.get(bucket) ?? 0) + n);
    }
    return sum;
  }

  /** An SLI over arrival seconds `from` up to but not including `to`; null when no request arrived then. */
  sli(sli: SliName, from: number, to: number): number | null {
    return sliOf(this.window(SLIS[sli].operation, from, to), sli, this.timeoutMs);
  }
}
