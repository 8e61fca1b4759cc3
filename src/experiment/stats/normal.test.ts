import { expect, test } from "bun:test";
import { twoSidedP, Z_95 } from "./normal.ts";

// From tables, and for the tails 2 * norm.sf(z) of SciPy 1.17.
test.each([
  [0, 1],
  [0.1, 0.920344325445942],
  [1, 0.31731050786291415],
  [Z_95, 0.05],
  [2.8, 0.005110260660855864],
  [2.83, 0.004654800413463103],
  [5, 5.733031437583866e-7],
  [10, 1.523970604832094e-23],
  [30, 9.813427854295816e-198],
])("beyond %d standard deviations lies %d", (z, p) => {
  expect(Math.abs(twoSidedP(z) / p - 1)).toBeLessThan(1e-12);
  expect(twoSidedP(-z)).toBe(twoSidedP(z));
});
