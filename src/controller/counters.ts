/** What the api's metrics say of the operations that have SLOs: pure functions over its scrapes. @module */
import { OPERATIONS, type ShopOperation } from "../model/load.ts";
import { parseValue, type Sample } from "../observe/exposition.ts";

/** Since the api's start. */
export interface Counters {
  answered: number;
  /** Answered in 5xx. */
  failed: number;
  /** Cumulative counts by upper bound in seconds. */
  buckets: ReadonlyMap<number, number>;
}

/** One scrape. */
export interface Scraped {
  /** Unix epoch milliseconds. */
  t: number;
  operations: Readonly<Record<ShopOperation, Counters>>;
}

export function scrapedOf(samples: readonly Sample[], t: number): Scraped {
  const read = { "POST /orders": new Reading(), "GET /orders/{id}": new Reading() };
  for (const { name, labels, value } of samples) {
    const route = labels.route?.replace(/:(\w+)/g, "{$1}");
    const operation = OPERATIONS.find((each) => each === `${labels.method} ${route}`);
    if (!operation) continue;
    const reading = read[operation];
    if (name === "chaoslab_http_requests_total") {
      reading.answered += value;
      if (labels.status?.startsWith("5")) reading.failed += value;
    }
    const bound = parseValue(labels.le ?? "");
    if (name === "chaoslab_http_request_duration_seconds_bucket" && bound !== null)
      reading.buckets.set(bound, value);
  }
  return { t, operations: read };
}

class Reading implements Counters {
  answered = 0;
  failed = 0;
  readonly buckets = new Map<number, number>();
}

export function sumOf(all: readonly Counters[]): Counters {
  const sum = new Reading();
  for (const { answered, failed, buckets } of all) {
    sum.answered += answered;
    sum.failed += failed;
    for (const [bound, count] of buckets) sum.buckets.set(bound, (sum.buckets.get(bound) ?? 0) + count);
  }
  return sum;
}

/** What came in between; null when the api was started again and counts from zero. */
export function growth(before: Counters, after: Counters): Counters | null {
  if (after.answered < before.answered || after.failed < before.failed) return null;
  return {
    answered: after.answered - before.answered,
    failed: after.failed - before.failed,
    buckets: new Map([...after.buckets].map(([bound, n]) => [bound, n - (before.buckets.get(bound) ?? 0)])),
  };
}

/**
 * Upper bound in seconds of the bucket that holds the quantile: it was at most that. Infinite when it was above the
 * greatest bound; null when nothing was answered.
 */
export function quantileBound({ buckets }: Counters, q: number): number | null {
  const bounds = [...buckets].sort(([a], [b]) => a - b);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  return bounds.find(([, count]) => count >= q * total)?.[0] ?? Number.POSITIVE_INFINITY;
}

/** The greatest finite bound, in seconds; 0 without any. */
export function lastBound({ buckets }: Counters): number {
  return Math.max(0, ...[...buckets.keys()].filter(Number.isFinite));
}
