import { describe, expect, test } from "bun:test";
import { correlated, gaussian, latencies } from "./noise.ts";
import { trendOf } from "./trend.ts";

const trend = (values: readonly (number | null)[]) => {
  const found = trendOf(values);
  if (!found) throw new Error("too few values");
  return found;
};

test("computed by hand: S, its variance and the slope", () => {
  // Of 45 pairs 5 fall: S = 35. Variance 10 * 9 * 25 / 18 = 125; z = 34 / 11.1803 = 3.0411.
  expect(trend([2, 1, 4, 3, 6, 5, 8, 7, 10, 9])).toMatchObject({
    n: 10,
    variance_factor: 1,
    slope_per_s: 1,
    change: 9,
    median: 5.5,
  });
  expect(trend([2, 1, 4, 3, 6, 5, 8, 7, 10, 9]).p_value).toBeCloseTo(0.0023575, 6);
});

test("ties widen nothing, and gaps keep their time", () => {
  // S = 25. Ties of 2, 3 and 2 in 12: (12 * 11 * 29 - 18 - 66 - 18) / 18 = 207; z = 24 / 14.387 = 1.668.
  const dense = trend([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]);
  expect(dense.p_value).toBeCloseTo(0.0952928, 6);
  // Slopes: theilslopes of SciPy 1.17.
  expect(dense.slope_per_s).toBeCloseTo(0.3666666667, 9);
  const gaps = trend([3, 1, null, 4, 1, 5, null, null, 9, 2, 6, 5, 3, 5, 8, null]);
  expect(gaps.n).toBe(12);
  expect(gaps.p_value).toBeCloseTo(dense.p_value, 12);
  expect(gaps.slope_per_s).toBeCloseTo(0.2928571429, 9);
  expect(gaps.change).toBeCloseTo(0.2928571429 * 14, 8);
});

test("a line is found in noise, and one wild second does not bend it", () => {
  const normal = gaussian(21);
  const values = latencies(normal, 120, 0.3, 50).map((value, second) => value + 0.5 * second);
  values[119] = 5_000;
  const found = trend(values);
  expect(found.p_value).toBeLessThan(1e-6);
  expect(found.slope_per_s).toBeWithin(0.4, 0.6);
  expect(found.change).toBeCloseTo(found.slope_per_s * 119, 9);
});

describe("noise is no trend", () => {
  test.each([
    [0, 0.02],
    [0.5, 0.04],
  ])("correlated by %d", (rho, most) => {
    const normal = gaussian(22);
    const rounds = 1_000;
    const significant = Array.from({ length: rounds }, () => trend(correlated(normal, 60, rho))).filter(
      ({ p_value }) => p_value < 0.01,
    );
    expect(significant.length / rounds).toBeLessThan(most);
  });

  test("seconds that are all one", () => {
    expect(trend(Array(60).fill(1))).toMatchObject({ p_value: 1, slope_per_s: 0, change: 0, median: 1 });
  });
});

test("under ten values there is nothing to say", () => {
  expect(trendOf([1, 2, 3, 4, 5, 6, 7, 8, 9])).toBeNull();
  expect(trendOf([1, 2, 3, 4, 5, 6, 7, 8, 9, null, null])).toBeNull();
  expect(trendOf([])).toBeNull();
});

test("half an hour takes no time worth speaking of, and a day is judged too", () => {
  const normal = gaussian(23);
  const times = Array.from({ length: 5 }, () => {
    const values = latencies(normal, 1_800, 0.5, 50);
    const started = performance.now();
    trend(values);
    return performance.now() - started;
  });
  expect(Math.min(...times)).toBeLessThan(150);
  // A ramp of 1 ms an hour, in blocks of 87 s.
  const day = trend(latencies(normal, 86_400, 0.5, 50).map((value, second) => value + second / 3_600));
  expect(day.n).toBe(86_400);
  expect(day.p_value).toBeLessThan(1e-6);
  expect(day.change).toBeWithin(20, 28);
});
