/**
 * Watches the system under test from its own metrics, to tell when it is back after a fault: whatever drives it,
 * `chaoslab load` or real users, is what is measured.
 * @module
 */
import { parseExposition, parseValue } from "../observe/exposition.ts";

/** Counters of one scrape, summed over the order routes of the api. */
export interface Totals {
  /** Unix epoch milliseconds of the scrape. */
  t: number;
  requests: number;
  /** Answered in 5xx. */
  failed: number;
  /** Cumulative counts by upper bound in seconds. */
  buckets: ReadonlyMap<number, number>;
}

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

export function parseTotals(exposition: string, t: number): Totals {
  let requests = 0;
  let failed = 0;
  const buckets = new Map<number, number>();
  for (const { name, labels, value } of parseExposition(exposition)) {
    if (!labels.route?.startsWith("/orders")) continue;
    if (name === "chaoslab_http_requests_total") {
      requests += value;
      if (labels.status?.startsWith("5")) failed += value;
    }
    if (name === "chaoslab_http_request_duration_seconds_bucket") {
      const bound = parseValue(labels.le ?? "") ?? Number.NaN;
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return { t, requests, failed, buckets };
}

/** Null when nothing was answered in between, or the service was restarted and counts from zero again. */
export function between(a: Totals, b: Totals): Interval | null {
  const requests = b.requests - a.requests;
  if (requests <= 0) return null;
  const rank = 0.99 * requests;
  const bounds = [...b.buckets.keys()].sort((x, y) => x - y);
  const p99 = bounds.find((bound) => (b.buckets.get(bound) ?? 0) - (a.buckets.get(bound) ?? 0) >= rank);
  return {
    t: b.t,
    requests,
    error_rate: (b.failed - a.failed) / requests,
    p99_s: p99 ?? Number.POSITIVE_INFINITY,
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

export class Observer implements Disposable {
  readonly #intervals: Interval[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #last: Totals | null = null;

  /** @param scrape the text of the api's /metrics. */
  constructor(readonly scrape: () => Promise<string>) {
    this.#timer = setInterval(() => void this.#sample().catch(() => {}), 1_000);
  }

  async #sample(): Promise<void> {
    const now = parseTotals(await this.scrape(), Date.now());
    const interval = this.#last && between(this.#last, now);
    this.#last = now;
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

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
