/**
 * The recorded history of a load, by arrival second: what every judgement is computed from.
 * A request belongs to the second it was meant to be sent in, however late it ended.
 * @module
 */
import { addLatency, addOutcomes, type Counts, latencyQuantile, noCounts } from "../load/counts.ts";
import type { LoadDelta } from "../model/load.ts";
import { SLIS, type SliName } from "../model/sli.ts";

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
    while (seconds.length <= delta.second) seconds.push(noCounts());
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
    const sum = noCounts();
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
