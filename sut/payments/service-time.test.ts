import { describe, expect, test } from "bun:test";
import { serviceTimes } from "./service-time.ts";

const draw = (meanMs: number, seed: number, count: number) => {
  const next = serviceTimes(meanMs, seed);
  return Array.from({ length: count }, () => next());
};

describe("serviceTimes", () => {
  test.each([1, 2, 3])("seed %p: the mean is 40 ms and p99 is about twice that", (seed) => {
    const times = draw(40, seed, 100_000).sort((a, b) => a - b);
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    expect(mean).toBeWithin(39.7, 40.3);
    expect(times[99_000] ?? 0).toBeWithin(78, 82);
    expect(times[0] ?? 0).toBeGreaterThan(5);
  });

  test("the same seed gives the same times, another seed others", () => {
    expect(draw(40, 7, 100)).toEqual(draw(40, 7, 100));
    expect(draw(40, 7, 100)).not.toEqual(draw(40, 8, 100));
  });

  test("a mean of zero is no wait at all", () => {
    expect(draw(0, 1, 3)).toEqual([0, 0, 0]);
  });
});
