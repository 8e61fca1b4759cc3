import { describe, expect, test } from "bun:test";
import type { Stage } from "../model/load.ts";
import { type ArrivalModel, createArrivals, durationOf, meanRate, rateAt } from "./arrivals.ts";

const steady = (rate: number): Stage[] => [{ duration_s: 1e6, from: rate, to: rate }];

function take(model: ArrivalModel, rate: number, seed: number, count: number): number[] {
  const next = createArrivals(model, steady(rate), seed);
  return Array.from({ length: count }, next);
}

describe("arrivals", () => {
  test("the same seed gives the same instants, another seed others", () => {
    expect(take("poisson", 200, 7, 1_000)).toEqual(take("poisson", 200, 7, 1_000));
    expect(take("poisson", 200, 7, 10)).not.toEqual(take("poisson", 200, 8, 10));
  });

  test("constant arrivals are evenly spaced, without drift", () => {
    const instants = take("constant", 3, 1, 300_001);
    [0, 1_000 / 3, 2_000 / 3, 1_000].forEach((at, i) => {
      expect(instants[i]).toBeCloseTo(at, 9);
    });
    expect(instants.at(-1)).toBeCloseTo(100_000_000, 6);
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
      expect(() => createArrivals("poisson", steady(rate), 1)).toThrow(RangeError);
    }
  });

  /** Arrivals until the end. */
  const all = (model: ArrivalModel, stages: Stage[], seed = 1): number[] => {
    const next = createArrivals(model, stages, seed);
    const instants: number[] = [];
    for (let at = next(); at !== Number.POSITIVE_INFINITY; at = next()) instants.push(at);
    return instants;
  };

  test("a ramp's arrivals are where the integral of the rate says, to the end", () => {
    const [from, to, duration_s] = [10, 510, 20];
    const instants = all("constant", [{ duration_s, from, to }]);
    expect(instants).toHaveLength(((from + to) / 2) * duration_s);
    instants.forEach((at, i) => {
      const t = at / 1_000;
      expect(from * t + ((to - from) * t * t) / (2 * duration_s)).toBeCloseTo(i, 6);
    });
    // Down to nothing, and up from it.
    expect(all("constant", [{ duration_s: 4, from: 100, to: 0 }])).toHaveLength(200);
    expect(all("constant", [{ duration_s: 4, from: 0, to: 100 }])).toHaveLength(200);
  });

  test("steps follow each other, silent ones too", () => {
    const stages = [
      { duration_s: 2, from: 50, to: 50 },
      { duration_s: 3, from: 0, to: 0 },
      { duration_s: 1, from: 200, to: 200 },
    ];
    const instants = all("constant", stages);
    const count = (from: number, to: number): number =>
      instants.filter((at) => at >= from * 1_000 && at < to * 1_000).length;
    expect([count(0, 2), count(2, 5), count(5, 6), instants.length]).toEqual([100, 0, 200, 300]);
    expect([durationOf(stages), meanRate(stages)]).toEqual([6, 50]);
    expect([0, 2.5, 5.5, 7].map((t) => rateAt(stages, t))).toEqual([50, 0, 200, 0]);
  });

  test("poisson arrivals of a ramp: each second has its share", () => {
    const instants = all("poisson", [{ duration_s: 10, from: 0, to: 20_000 }], 9);
    for (let second = 0; second < 10; second++) {
      const seen = instants.filter((at) => Math.floor(at / 1_000) === second).length;
      const expected = 2_000 * (second + 0.5);
      expect(Math.abs(seen - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });
});
