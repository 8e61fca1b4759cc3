/**
 * A latency distribution at HdrHistogram's percentile ticks, for a plot over 1 / (1 - q)
 * (https://hdrhistogram.github.io/HdrHistogram/plotFiles.html).
 * @module
 */
import type { Counts } from "../../load/counts.ts";
import { bucketBounds } from "../../load/histogram.ts";
import { percentileTick } from "./data.ts";
import { digits } from "./round.ts";

/**
 * Milliseconds at each tick from 0 % on, to the last that the number of requests tells apart. As in every quantile of a
 * report, requests without an answer rank above all others and show as the client's timeout.
 */
export function percentiles(counts: Counts, timeoutMs: number): number[] {
  const buckets = [...counts.latency].sort(([a], [b]) => a - b);
  const values: number[] = [];
  let place = 0;
  let seen = buckets[0]?.[1] ?? 0;
  for (let i = 0; percentileTick(i) <= counts.requests; i++) {
    const rank = Math.max(1, Math.ceil(counts.requests * (1 - 1 / percentileTick(i)) - 1e-6));
    while (seen < rank && place < buckets.length - 1) seen += buckets[++place]?.[1] ?? 0;
    const bucket = buckets[place]?.[0];
    const isAnswered = bucket !== undefined && rank <= counts.answered;
    values.push(digits(isAnswered ? bucketBounds(bucket)[1] / 1_000 : timeoutMs));
  }
  return values;
}
