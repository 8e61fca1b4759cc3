import { expect, test } from "bun:test";
import { seeded } from "../../model/random.ts";
import { kthDifference, medianOf, midranks, nthSmallest, sorted, tieSizes } from "./order.ts";

/** Few different values where `grain` is small, so that there are ties. */
function someValues(random: () => number, length: number, grain: number): number[] {
  return Array.from({ length }, () => Math.floor(random() * grain) - grain / 2);
}

test("the k-th smallest is where sorting puts it, ties or not", () => {
  const random = seeded(1);
  for (let round = 0; round < 300; round++) {
    const values = someValues(random, 1 + Math.floor(random() * 40), [2, 10, 1e9][round % 3] ?? 2);
    const ascending = [...sorted(values)];
    for (const k of [0, values.length >> 1, values.length - 1])
      expect(nthSmallest(Float64Array.from(values), k)).toBe(ascending[k] ?? Number.NaN);
    const middle = ((ascending.at((values.length - 1) >> 1) ?? 0) + (ascending[values.length >> 1] ?? 0)) / 2;
    expect(medianOf(Float64Array.from(values))).toBe(middle);
  }
});

test("selection takes ascending, descending and equal values in its stride", () => {
  const n = 200_000;
  const started = performance.now();
  for (const value of [(i: number) => i, (i: number) => -i, () => 7])
    expect(
      nthSmallest(
        Float64Array.from({ length: n }, (_, i) => value(i)),
        0,
      ),
    ).toBe(Math.min(value(0), value(n - 1)));
  // A pivot at the edge each time would take minutes.
  expect(performance.now() - started).toBeLessThan(2_000);
});

test("the k-th difference is that of the full matrix, whatever the scale", () => {
  const random = seeded(2);
  for (let round = 0; round < 300; round++) {
    const scale = [1, 1e-9, 0.1, 1e12][round % 4] ?? 1;
    const side = (): number[] =>
      someValues(random, 1 + Math.floor(random() * 12), round % 2 ? 4 : 1e6).map((value) => value * scale);
    const [x, y] = [sorted(side()), sorted(side())];
    const all = [...y].flatMap((b) => [...x].map((a) => b - a)).sort((a, b) => a - b);
    for (const k of new Set([1, Math.ceil(all.length / 3), all.length]))
      expect(kthDifference(x, y, k)).toBe(all[k - 1] ?? Number.NaN);
  }
});

test("equal values share the middle of their ranks", () => {
  expect(midranks([30, 10, 20, 10])).toEqual([4, 1.5, 3, 1.5]);
  expect(tieSizes(sorted([5, 1, 5, 2, 5, 1]))).toEqual([2, 1, 3]);
});
