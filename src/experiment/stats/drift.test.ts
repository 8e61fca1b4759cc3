import { expect, test } from "bun:test";
import type { Threshold } from "../../model/sli.ts";
import { type DriftLimits, driftOf } from "./drift.ts";
import { correlated, gaussian, latencies } from "./noise.ts";
import { trendOf } from "./trend.ts";

const limits = (bound: Threshold): DriftLimits => ({ bound, unit: "ms", horizonS: 120 });
const P99: DriftLimits = limits({ comparison: "<", value: 250 });

const drift = (values: readonly (number | null)[], within = P99) => driftOf(trendOf(values), within);
/** A p99 around `from`, plus `perSecond` each second. */
const rising = (from: number, perSecond: number): number[] =>
  correlated(gaussian(31), 60, 0.2).map((noise, second) => from + 10 * noise + perSecond * second);

test("of 200 noisy baselines hardly one is taken for a drift", () => {
  const normal = gaussian(32);
  for (const rho of [0, 0.3, 0.6]) {
    const tripped = Array.from({ length: 200 }, () => drift(latencies(normal, 60, rho, 90)));
    expect(tripped.filter((each) => each !== null).length).toBeLessThanOrEqual(2);
  }
});

test("a baseline that doubles drifts, though it is inside its bound", () => {
  expect(drift(rising(40, 1))).toMatch(
    /^it rose by \d+\.\d ms over the baseline \(Mann-Kendall p < 0\.0001\), which is more than half of its median of \d+\.\d ms$/,
  );
});

test("a warm-up that is not over falls", () => {
  expect(drift(rising(150, -2))).toMatch(/^it fell by .* more than half of its median/);
});

test("a slower rise drifts when it would leave the bound while the fault lasts", () => {
  const values = rising(150, 1);
  expect(drift(values)).toMatch(
    /, and carried on over 120 s of fault it would be \d{3} ms by itself, not < 250 ms$/,
  );
  expect(drift(values, { ...P99, horizonS: 5 })).toBeNull();
  expect(drift(values, limits({ comparison: "<", value: 500 }))).toBeNull();
});

test("a share that falls is held against a lower bound", () => {
  const within: DriftLimits = { bound: { comparison: ">=", value: 0.999 }, unit: "share", horizonS: 120 };
  const normal = gaussian(33);
  const falling = Array.from({ length: 60 }, (_, second) => 1 - 1e-5 * second - 1e-5 * Math.abs(normal()));
  expect(drift(falling, within)).toContain("by itself, not >= 99.9 %");
  expect(drift(falling, { ...within, horizonS: 10 })).toBeNull();
});

test("what cannot be told does not drift", () => {
  expect(driftOf(null, P99)).toBeNull();
  expect(drift(Array(60).fill(0))).toBeNull();
});

test("a few milliseconds of a bound of 250 are no drift, whatever share of the median they are", () => {
  const limits = { bound: { comparison: "<", value: 250 }, unit: "ms", horizonS: 30 } as const;
  const falling = (from: number) => trendOf(Array.from({ length: 20 }, (_, s) => from - (s * from) / 25));
  expect(driftOf(falling(25), limits)).toBeNull();
  expect(driftOf(falling(200), limits)).toContain("more than half of its median");
});
