import { expect, test } from "bun:test";
import { latencyQuantile, noCounts } from "../../load/counts.ts";
import { bucketOf } from "../../load/histogram.ts";
import { percentileTick } from "./data.ts";
import { percentiles } from "./percentiles.ts";

function countsOf(ms: readonly number[], unanswered = 0) {
  const counts = noCounts();
  counts.requests = ms.length + unanswered;
  counts.answered = ms.length;
  for (const each of ms) {
    const bucket = bucketOf(each * 1_000);
    counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + 1);
  }
  return counts;
}

test("ticks halve the distance to 100 % in five steps", () => {
  const shares = Array.from({ length: 16 }, (_, i) => 100 * (1 - 1 / percentileTick(i)));
  const expected = [0, 10, 20, 30, 40, 50, 55, 60, 65, 70, 75, 77.5, 80, 82.5, 85, 87.5];
  for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(expected[i] ?? Number.NaN, 9);
});

test("each value is the quantile that every other report has", () => {
  const counts = countsOf(
    Array.from({ length: 5_000 }, (_, i) => 1 + ((i * 7_919) % 5_000) / 10),
    60,
  );
  const values = percentiles(counts, 5_000);
  expect(values.length).toBeGreaterThan(50);
  for (const [i, value] of values.entries()) {
    const quantile = latencyQuantile(counts, 1 - 1 / percentileTick(i), 5_000) ?? Number.NaN;
    expect(Math.abs(value / quantile - 1)).toBeLessThan(0.01);
  }
  // More than one in a hundred was never answered.
  expect(values.at(-1)).toBe(5_000);
});

test("it ends where the number of requests tells no more apart", () => {
  expect(percentiles(noCounts(), 5_000)).toEqual([]);
  expect(percentiles(countsOf([20]), 5_000)).toHaveLength(1);
  expect(percentiles(countsOf([], 3), 5_000).every((value) => value === 5_000)).toBeTrue();
});
