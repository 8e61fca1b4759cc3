/**
 * Watches the system under test from its own metrics, to tell when it is back after a fault: whatever drives it,
 * `chaoslab load` or real users, is what is measured.
 * @module
 */
import { growth, quantileBound, type Scraped, sumOf } from "./counters.ts";

/** What happened between two scrapes. */
export interface Interval {
  t: number;
  requests: number;
  error_rate: number;
  /** Upper bound of the bucket that holds the 99th percentile, in seconds. */
  p99_s: number;
}

/** Steady bounds of the write path (spec: error rate < 0.1 %, p99 < 250 ms). */
const STEADY_ERROR_RATE = 0.001;
const STEADY_P99_S = 0.25;
/** Consecutive steady seconds that count as recovered. */
const STABLE = 3;
const KEEP = 600;

/** Null when nothing was answered in between, or the service was restarted and counts from zero again. */
export function between(a: Scraped, b: Scraped): Interval | null {
  const grown = growth(sumOf(Object.values(a.operations)), sumOf(Object.values(b.operations)));
  if (!grown || grown.answered === 0) return null;
  return {
    t: b.t,
    requests: grown.answered,
    error_rate: grown.failed / grown.answered,
    p99_s: quantileBound(grown, 0.99) ?? Number.POSITIVE_INFINITY,
  };
}

const steady = ({ error_rate, p99_s }: Interval): boolean =>
  error_rate < STEADY_ERROR_RATE && p99_s <= STEADY_P99_S;

/** Time of the first of STABLE consecutive steady intervals after `since`; null when there are none yet. */
export function steadySince(intervals: readonly Interval[], since: number): number | null {
  let run: Interval[] = [];
  for (const interval of intervals) {
    if (interval.t <= since) continue;
    run = steady(interval) ? [...run, interval] : [];
    if (run.length >= STABLE) return run[0]?.t ?? null;
  }
  return null;
}

export class Observer {
  readonly #intervals: Interval[] = [];
  #last: Scraped | null = null;

  /** To be told of each scrape of the api, once a second. */
  see(scraped: Scraped): void {
    const interval = this.#last && between(this.#last, scraped);
    this.#last = scraped;
    if (!interval) return;
    this.#intervals.push(interval);
    if (this.#intervals.length > KEEP) this.#intervals.shift();
  }

  /** True when requests were answered in the last few seconds. */
  get loaded(): boolean {
    return Date.now() - (this.#intervals.at(-1)?.t ?? 0) < 5_000;
  }

  /**
   * Seconds from `since` until the system is steady and stays so for 3 s, waiting up to `waitMs`. Null when no load runs
   * or it is not steady by then.
   */
  async recovery(since: number, waitMs: number): Promise<number | null> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const back = steadySince(this.#intervals, since);
      if (back !== null) return Math.round(Math.max(0, back - since - 1_000) / 100) / 10;
      if (performance.now() >= deadline || !this.loaded) return null;
      await Bun.sleep(100);
    }
  }
}
