import { describe, expect, test } from "bun:test";
import { BUCKETS, bucketBounds, bucketOf, Histogram, toMicros } from "./histogram.ts";
import { randomUnit } from "./random.ts";

const QUANTILES = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1];

/** Values over many orders of magnitude, by one of several shapes. */
function sample(seed: number): number[] {
  const size = 1 + Math.floor(randomUnit(seed, 0, 1) * 5_000);
  const scale = 10 ** (randomUnit(seed, 0, 2) * 8);
  const shape = seed % 3;
  return Array.from({ length: size }, (_, i) => {
    const u = randomUnit(seed, i, 3);
    const value =
      shape === 0 ? u * scale : shape === 1 ? -Math.log(1 - u) * scale : scale * 10 ** (2 * u - 1);
    return Math.min(2 ** 32 - 1, Math.floor(value));
  });
}

function histogramOf(values: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("histogram", () => {
  test("buckets cover 0 .. 2^32-1 without gap or overlap, each at most 1/128 wide", () => {
    let expected = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const [lowest, highest] = bucketBounds(bucket);
      expect(lowest).toBe(expected);
      expect(bucketOf(lowest)).toBe(bucket);
      expect(bucketOf(highest)).toBe(bucket);
      expect(highest - lowest + 1).toBeLessThanOrEqual(Math.max(1, lowest / 128));
      expected = highest + 1;
    }
    expect(expected).toBe(2 ** 32);
  });

  test("quantiles are the exact ones, at most 1 % high; count, mean and max are exact", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const values = sample(seed);
      const histogram = histogramOf(values);
      const sorted = [...values].sort((a, b) => a - b);
      for (const q of QUANTILES) {
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length - 1e-6) - 1)] ?? Number.NaN;
        expect(histogram.quantile(q)).toBeGreaterThanOrEqual(exact);
        expect(histogram.quantile(q)).toBeLessThanOrEqual(exact * 1.01);
      }
      expect(histogram.count).toBe(values.length);
      expect(histogram.max).toBe(sorted.at(-1) ?? Number.NaN);
      expect(histogram.mean).toBeCloseTo(values.reduce((a, b) => a + b) / values.length, 3);
    }
  });

  test("merging equals recording everything in one", () => {
    const [a, b] = [sample(4), sample(5)];
    const merged = histogramOf(a);
    merged.merge(histogramOf(b));
    const whole = histogramOf([...a, ...b]);
    expect(merged.toSparse()).toEqual(whole.toSparse());
    expect([merged.count, merged.max]).toEqual([whole.count, whole.max]);
  });

  test("the sparse form survives a round trip and adds up", () => {
    const original = histogramOf(sample(7));
    const copy = Histogram.fromSparse(original.toSparse());
    copy.addSparse(original.toSparse());
    expect(copy.count).toBe(2 * original.count);
    for (const q of QUANTILES) {
      expect(Math.abs(copy.quantile(q) - original.quantile(q))).toBeLessThanOrEqual(
        original.quantile(q) / 128,
      );
    }
    expect(Math.abs(copy.mean / original.mean - 1)).toBeLessThan(0.01);
    for (const bad of [[1], [-1, 1], [BUCKETS, 1], [1, 0.5], [1, -1]]) {
      expect(() => Histogram.fromSparse(bad)).toThrow(RangeError);
    }
  });

  test("an empty histogram answers zero", () => {
    const empty = new Histogram();
    expect([empty.count, empty.mean, empty.max, empty.quantile(0.99)]).toEqual([0, 0, 0, 0]);
    expect(empty.toSparse()).toEqual([]);
  });

  test("an hour fits, and what does not is clamped", () => {
    const hour = histogramOf([toMicros(3_600_000)]);
    expect(hour.quantile(1)).toBe(3_600_000_000);
    expect([toMicros(-1), toMicros(0.0004), toMicros(1.0006), toMicros(1e9)]).toEqual([
      0,
      0,
      1_001,
      2 ** 32 - 1,
    ]);
  });
});

describe("a histogram as data", () => {
  test("survives exactly, mean and maximum included, and adds up", () => {
    const [a, b] = [sample(11), sample(12)];
    const sum = Histogram.fromData(JSON.parse(JSON.stringify(histogramOf(a).toData())));
    sum.addData(histogramOf(b).toData());
    expect(sum.toData()).toEqual(histogramOf([...a, ...b]).toData());
  });

  test.each([
    ["count", { count: 3 }],
    ["sum", { sum_us: 999_999 }],
    ["maximum", { max_us: 5 }],
    ["bucket", { buckets: [BUCKETS, 2] }],
  ])("whose %s contradicts the rest is refused, and nothing of it is added", (_, change) => {
    const data = histogramOf([1_000, 2_000]).toData();
    const sum = histogramOf([7]);
    expect(() => sum.addData({ ...data, ...change })).toThrow(RangeError);
    expect(sum.toData()).toEqual(histogramOf([7]).toData());
  });
});
