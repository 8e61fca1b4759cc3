import { expect, test } from "bun:test";
import { PHASES, trial, within } from "../../experiment/synthetic.ts";
import { distanceOf, LEAST, MOST, multipleOf } from "./distance.ts";

test.each([
  ["a latency at half of its bound", 125, { comparison: "<", value: 250 }, "ms", 0.5],
  ["twice its bound", 500, { comparison: "<", value: 250 }, "ms", 2],
  ["availability: what is missing", 0.98, { comparison: ">=", value: 0.99 }, "share", 2],
  ["goodput upside down", 250, { comparison: ">=", value: 500 }, "rps", 2],
  ["nothing at all", 0, { comparison: "<", value: 0.001 }, "share", LEAST],
  ["a bound of nothing, met", 0, { comparison: "<=", value: 0 }, "count", LEAST],
  ["a bound of nothing, broken", 1, { comparison: "<=", value: 0 }, "count", MOST],
  ["no goodput", 0, { comparison: ">=", value: 500 }, "rps", MOST],
] as const)("%s", (_what, value, bound, unit, expected) => {
  expect(multipleOf(value, bound, unit)).toBeCloseTo(expected, 6);
});

test("the curve is below 1 from the second on that the verdict says the system is back", () => {
  const [from, to] = PHASES.recovery;
  const slow = trial({
    shape: (second, operation) =>
      operation === "POST /orders" && (within(second, PHASES.fault) || within(second, [from, from + 7]))
        ? { ms: 2_000 }
        : {},
  });
  const { backAt } = slow;
  expect(backAt).toBe(from + 7);
  const curve = distanceOf(slow.measurements, slow.bounds, 0, to);
  expect(curve).toHaveLength(to);
  expect(curve.slice(PHASES.fault[0], from + 7).every((value) => (value ?? 0) > 1)).toBeTrue();
  expect(curve.slice(from + 7, to - 4).every((value) => value !== null && value < 1)).toBeTrue();
  // Of the last seconds no five are left to look at.
  expect(curve.slice(to - 4)).toEqual([null, null, null, null]);
});

test("without a value there is no distance", () => {
  const { measurements, bounds } = trial();
  expect(distanceOf(measurements, bounds, 200, 206)).toEqual(new Array(6).fill(null));
  expect(distanceOf(measurements, [], 0, 10)).toEqual(new Array(10).fill(null));
});
