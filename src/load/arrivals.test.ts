import { describe, expect, test } from "bun:test";
import { type ArrivalModel, createArrivals } from "./arrivals.ts";

function take(model: ArrivalModel, rate: number, seed: number, count: number): number[] {
  const next = createArrivals(model, rate, seed);
  return Array.from({ length: count }, next);
}

describe("arrivals", () => {
  test("the same seed gives the same instants, another seed others", () => {
    expect(take("poisson", 200, 7, 1_000)).toEqual(take("poisson", 200, 7, 1_000));
    expect(take("poisson", 200, 7, 10)).not.toEqual(take("poisson", 200, 8, 10));
  });

  test("constant arrivals are evenly spaced, without drift", () => {
    const instants = take("constant", 3, 1, 300_001);
    expect(instants.slice(0, 4)).toEqual([0, 1_000 / 3, 2_000 / 3, 1_000]);
    expect(instants.at(-1)).toBe(100_000_000);
  });

  test("poisson arrivals keep the rate and have exponential gaps", () => {
    const count = 200_000;
    const instants = take("poisson", 500, 42, count);
    const gaps = instants.map((at, i) => at - (instants[i - 1] ?? 0));
    const mean = gaps.reduce((a, b) => a + b) / count;
    const variance = gaps.reduce((a, gap) => a + (gap - mean) ** 2, 0) / count;
    expect(Math.abs(mean / 2 - 1)).toBeLessThan(0.01);
    // An exponential distribution's standard deviation equals its mean; e^-1 of it lies above the mean.
    expect(Math.abs(Math.sqrt(variance) / 2 - 1)).toBeLessThan(0.02);
    expect(Math.abs(gaps.filter((gap) => gap > 2).length / count - Math.exp(-1))).toBeLessThan(0.01);
    expect(Math.min(...gaps.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
  });

  test("a rate that is not positive is refused", () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => createArrivals("poisson", rate, 1)).toThrow(RangeError);
    }
  });
});
