import { describe, expect, test } from "bun:test";
import { correlated, gaussian, latencies } from "./noise.ts";
import { shiftBetween } from "./shift.ts";

const shift = (baseline: readonly number[], fault: readonly number[]) => {
  const found = shiftBetween(baseline, fault);
  if (!found) throw new Error("too few values");
  return found;
};

/** Permeability of the human chorioamnion at term and at 12 to 26 weeks: Hollander and Wolfe (1973), table 4.1. */
const TERM = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const EARLY = [1.15, 0.88, 0.9, 0.74, 1.21];

test("a published example: U = 15, shift -0.305", () => {
  const found = shift(TERM, EARLY);
  expect(found).toMatchObject({ n_baseline: 10, n_fault: 5, variance_factor: 1 });
  // SciPy 1.17: mannwhitneyu(EARLY, TERM, method="asymptotic").
  expect(found.p_value).toBeCloseTo(0.2446236051, 9);
  // R: wilcox.test(EARLY, TERM, conf.int = TRUE) gives -0.305 between -0.76 and 0.15, the 9th of 50 differences from
  // either end, by the exact distribution; by the normal approximation it is the 8th.
  expect(found.shift).toBeCloseTo(-0.305, 9);
  expect(found.shift_low).toBeCloseTo(-0.76, 9);
  expect(found.shift_high).toBeCloseTo(0.17, 9);
  // 2 U / nm - 1
  expect(found.cliffs_delta).toBeCloseTo(-0.4, 9);
});

test("ties, computed by hand", () => {
  // Of 30 pairs 18 are larger, 4 equal and 8 smaller: U = 20. Two groups of three: t^3 - t sums up to 48.
  const found = shift([3, 1, 4, 2, 2], [5, 2, 3, 6, 3, 1.5]);
  expect(found.variance_factor).toBe(1);
  expect(found.cliffs_delta).toBeCloseTo((18 - 8) / 30, 12);
  // Variance 30/12 (12 - 48/110) = 28.909, z = (20 - 15 - 0.5) / 5.3767 = 0.83694
  expect(found.p_value).toBeCloseTo(0.4026, 4);
});

test("the interval of Cliff's delta, by the formula of a published implementation", () => {
  // The example of R's effsize, whose -0.727 to 0.389 is this with the t quantile 2.145 in place of 1.96.
  const found = shift([10, 40, 20, 50, 30, 40], [30, 10, 20, 40, 10, 20, 50, 20, 30, 30]);
  expect(found.variance_factor).toBe(1);
  expect(found.cliffs_delta).toBeCloseTo(-0.25, 9);
  expect(found.cliffs_delta_low).toBeCloseTo(-0.7016466, 6);
  expect(found.cliffs_delta_high).toBeCloseTo(0.3449593, 6);
});

describe("simulated", () => {
  const ROUNDS = 1_000;
  const rounds = (seed: number, n: number, m: number, rho: number, moved = 0) => {
    const normal = gaussian(seed);
    return Array.from({ length: ROUNDS }, () =>
      shift(
        correlated(normal, n, rho),
        correlated(normal, m, rho).map((value) => value + moved),
      ),
    );
  };
  const share = <T>(all: readonly T[], test: (each: T) => boolean): number =>
    all.filter(test).length / all.length;

  test("without a shift p is uniform", () => {
    const all = rounds(11, 60, 120, 0);
    for (const p of [0.05, 0.1, 0.25, 0.5, 0.75, 0.9]) {
      // Four standard deviations of a share of 1,000, and what the floor of the variance takes away.
      const sd = Math.sqrt((p * (1 - p)) / ROUNDS);
      const below = share(all, ({ p_value }) => p_value < p);
      expect(below).toBeLessThan(p + 4 * sd);
      expect(below).toBeGreaterThan(p - 4 * sd - 0.15 * p);
    }
  });

  test.each([0.3, 0.6, 0.8])("seconds correlated by %d do not look like a shift", (rho) => {
    const all = rounds(12, 60, 120, rho);
    expect(share(all, ({ p_value }) => p_value < 0.05)).toBeLessThan(0.09);
    // Taken as independent, 1 of 7 would at 0.3, and every other at 0.8.
    const widened = all.map(({ variance_factor }) => variance_factor).sort((a, b) => a - b)[ROUNDS / 2] ?? 0;
    expect(widened / ((1 + rho) / (1 - rho))).toBeWithin(0.75, 1.15);
  });

  test.each([0, 0.5])("the interval covers the true shift in 95 of 100 runs, correlated by %d", (rho) => {
    const all = rounds(13, 60, 120, rho, 0.7);
    const covered = share(
      all,
      ({ shift_low, shift_high }) =>
        shift_low !== null && shift_high !== null && shift_low <= 0.7 && shift_high >= 0.7,
    );
    expect(covered).toBeWithin(0.91, 0.98);
    // P(Y > X) of normal values 0.7 apart is Phi(0.7 / sqrt 2), and delta 2 P - 1.
    const delta = 2 * 0.6896915 - 1;
    const held = share(
      all,
      ({ cliffs_delta_low, cliffs_delta_high }) => cliffs_delta_low <= delta && cliffs_delta_high >= delta,
    );
    expect(held).toBeWithin(0.91, 0.98);
  });

  test("a doubled latency is found, and by how much", () => {
    const normal = gaussian(14);
    const found = shift(latencies(normal, 60, 0.4, 80), latencies(normal, 120, 0.4, 160));
    expect(found.p_value).toBeLessThan(1e-6);
    expect(found.shift).toBeWithin(60, 100);
    expect(found.shift_low).toBeGreaterThan(40);
    expect(found.shift_high).toBeLessThan(120);
    expect(found.cliffs_delta_low).toBeGreaterThan(0.7);
  });
});

test("baseline and fault exchanged turn every sign", () => {
  const normal = gaussian(15);
  const [a, b] = [latencies(normal, 20, 0.5, 10), latencies(normal, 30, 0.5, 14)];
  const [there, back] = [shift(a, b), shift(b, a)];
  expect(back.p_value).toBeCloseTo(there.p_value, 12);
  expect(back.shift).toBeCloseTo(-there.shift, 12);
  expect(back.shift_low).toBeCloseTo(-(there.shift_high ?? Number.NaN), 12);
  expect(back.cliffs_delta_low).toBeCloseTo(-there.cliffs_delta_high, 12);
});

test("all values equal: no shift, and sure of it", () => {
  expect(shift(Array(60).fill(1), Array(120).fill(1))).toMatchObject({
    p_value: 1,
    variance_factor: 1,
    shift: 0,
    shift_low: 0,
    shift_high: 0,
    cliffs_delta: 0,
  });
});

test("one constant, then another: as different as can be", () => {
  const found = shift(Array(60).fill(1), Array(120).fill(0.8));
  expect(found).toMatchObject({ cliffs_delta: -1, cliffs_delta_low: -1 });
  expect(found.shift).toBeCloseTo(-0.2, 12);
  expect(found.p_value).toBeLessThan(1e-9);
  // (60 - z^2) / (60 + z^2)
  expect(found.cliffs_delta_high).toBeCloseTo(-0.8796, 3);
});

test("so few seconds, and so alike, bound the shift nowhere", () => {
  const found = shift([1, 2, 3, 4, 5, 6], [4, 5, 6, 7, 8, 9]);
  expect(found).toMatchObject({ variance_factor: 6, shift: 3, shift_low: null, shift_high: null });
  expect(found.p_value).toBeGreaterThan(0.2);
});

test("fewer than five seconds on a side say nothing, and what is no number is refused", () => {
  expect(shiftBetween([1, 2, 3, 4], [1, 2, 3, 4, 5])).toBeNull();
  expect(shiftBetween([1, 2, 3, 4, 5], [])).toBeNull();
  expect(() => shiftBetween([1, 2, 3, 4, 5], [1, 2, 3, 4, Number.POSITIVE_INFINITY])).toThrow(RangeError);
});

test("five minutes against twenty-five take no time worth speaking of", () => {
  const normal = gaussian(16);
  const times = Array.from({ length: 5 }, () => {
    const [a, b] = [latencies(normal, 300, 0.5, 10), latencies(normal, 1_500, 0.5, 10)];
    const started = performance.now();
    shift(a, b);
    return performance.now() - started;
  });
  expect(Math.min(...times)).toBeLessThan(150);
});
