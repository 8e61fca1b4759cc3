/**
 * The recorded history of a load, by arrival second: what every judgement is computed from.
 * A request belongs to the second it was meant to be sent in, however late it ended.
 * @module
 */
import {
  addCounts,
  addLatency,
  addOutcomeCounts,
  addOutcomes,
  type Counts,
  latencyQuantile,
  noCounts,
} from "../load/counts.ts";
import type { LoadDelta } from "../model/load.ts";
import { type Measure, quantileOf } from "../model/sli.ts";

/**
 * A measure of what was counted in so many seconds; null when there was no request.
 * @param timeoutMs what an unanswered request counts as in a latency quantile.
 */
export function measureOf(
  counts: Counts,
  measure: Measure,
  seconds: number,
  timeoutMs: number,
): number | null {
  if (counts.requests === 0) return null;
  const quantile = quantileOf(measure);
  if (quantile !== null) return latencyQuantile(counts, quantile, timeoutMs);
  switch (measure) {
    case "availability":
      return counts.good / counts.requests;
    case "degraded_rate":
      return counts.degraded / counts.requests;
    case "goodput":
      return counts.good / seconds;
    default:
      return (counts.requests - counts.good) / counts.requests;
  }
}

interface OperationHistory {
  /** By arrival second. */
  seconds: Counts[];
  /** By tenant index, as they came. */
  tenants: Map<number, LoadDelta[]>;
}

export class History {
  readonly #operations = new Map<string, OperationHistory>();

  /** @param timeoutMs the client's timeout: what an unanswered request counts as in a latency quantile. */
  constructor(readonly timeoutMs: number) {}

  add(delta: LoadDelta): void {
    const known = this.#operations.get(delta.operation);
    const { seconds, tenants } = known ?? { seconds: [], tenants: new Map<number, LoadDelta[]>() };
    if (!known) this.#operations.set(delta.operation, { seconds, tenants });
    while (seconds.length <= delta.second) seconds.push(noCounts());
    const counts = seconds[delta.second];
    if (!counts) return;
    addOutcomes(counts, delta.outcomes);
    addLatency(counts, delta.latency);
    const own = tenants.get(delta.tenant);
    if (own) own.push(delta);
    else tenants.set(delta.tenant, [delta]);
  }

  /** Arrival seconds seen, from 0. */
  get length(): number {
    return Math.max(0, ...[...this.#operations.values()].map(({ seconds }) => seconds.length));
  }

  /** Sums over arrival seconds `from` up to but not including `to`. */
  window(operation: string, from: number, to: number): Counts {
    const sum = noCounts();
    const seconds = this.#operations.get(operation)?.seconds ?? [];
    for (const counts of seconds.slice(Math.max(0, from), Math.max(0, to))) addCounts(sum, counts);
    return sum;
  }

  /** The same for each tenant that had a request then, by its index. */
  tenants(operation: string, from: number, to: number): Map<number, Counts> {
    const sums = new Map<number, Counts>();
    for (const [tenant, deltas] of this.#operations.get(operation)?.tenants ?? []) {
      const sum = noCounts();
      for (const { second, outcomes, latency } of deltas) {
        if (second < from || second >= to) continue;
        addOutcomes(sum, outcomes);
        addLatency(sum, latency);
      }
      if (sum.requests > 0) sums.set(tenant, sum);
    }
    return sums;
  }

  /** A measure over arrival seconds `from` up to but not including `to`; null when no request arrived then. */
  measure(operation: string, measure: Measure, from: number, to: number): number | null {
    return measureOf(this.#counted(operation, measure, from, to), measure, to - from, this.timeoutMs);
  }

  /** What a measure takes of a window: one second is as it stands, and only quantiles take the latencies. */
  #counted(operation: string, measure: Measure, from: number, to: number): Counts {
    const seconds = this.#operations.get(operation)?.seconds ?? [];
    if (to - from === 1) return seconds[from] ?? noCounts();
    if (quantileOf(measure) !== null) return this.window(operation, from, to);
    const sum = noCounts();
    for (const counts of seconds.slice(Math.max(0, from), Math.max(0, to))) addOutcomeCounts(sum, counts);
    return sum;
  }

  /** The measure over [s, to) for each s from `from` on, in one pass. */
  suffixes(operation: string, measure: Measure, from: number, to: number): (number | null)[] {
    const values: (number | null)[] = new Array(Math.max(0, to - from)).fill(null);
    const sum = noCounts();
    const add = quantileOf(measure) === null ? addOutcomeCounts : addCounts;
    const seconds = this.#operations.get(operation)?.seconds ?? [];
    for (let second = to - 1; second >= from; second--) {
      const counts = seconds[second];
      if (counts) add(sum, counts);
      values[second - from] = measureOf(sum, measure, to - second, this.timeoutMs);
    }
    return values;
  }
}
