import { expect, test } from "bun:test";
import { delays } from "./delays.ts";

const take = (next: () => number, count: number): number[] => Array.from({ length: count }, next);

test("without jitter every delay is the same", () => {
  expect(take(delays(100, 0, 1), 3)).toEqual([100, 100, 100]);
});

test("the same seed gives the same delays, another seed others", () => {
  expect(take(delays(200, 50, 9), 100)).toEqual(take(delays(200, 50, 9), 100));
  expect(take(delays(200, 50, 9), 100)).not.toEqual(take(delays(200, 50, 10), 100));
});

test("jitter is uniform over delay +/- jitter", () => {
  const deciles = new Array<number>(10).fill(0);
  for (const delay of take(delays(200, 50, 3), 100_000)) {
    expect(delay).toBeGreaterThanOrEqual(150);
    expect(delay).toBeLessThan(250);
    const slot = Math.floor((delay - 150) / 10);
    deciles[slot] = (deciles[slot] ?? 0) + 1;
  }
  // 10 000 expected in each, standard deviation 95.
  for (const count of deciles) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
