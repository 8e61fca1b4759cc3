import { expect, test } from "bun:test";
import { createMixWorkload } from "./mix.ts";
import { WHOLE } from "./run.ts";
import { scheduleLines } from "./schedule.ts";
import { parseShard, partOf, portionOf } from "./shard.ts";
import { parseInstant } from "./start-at.ts";

const byIndex = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

test("the shards of a load are its sequence, byte for byte, also where workers share a shard", () => {
  const options = { seed: 3, reads: 0.7, tenants: 5, orders: 100, products: 10 };
  const workload = createMixWorkload(new URL("http://h/"), options, null);
  const stages = [
    { duration_s: 2, from: 100, to: 400 },
    { duration_s: 1, from: 50, to: 50 },
  ];
  for (const arrivals of ["poisson", "constant"] as const) {
    const lines = (shard: typeof WHOLE): string[] => [
      ...scheduleLines(workload, { arrivals, stages, seed: 3, shard }),
    ];
    const whole = lines(WHOLE);
    expect(whole.length).toBeGreaterThan(400);
    for (const of of [2, 3, 7]) {
      const shards = Array.from({ length: of }, (_, index) => ({ index, of }));
      expect(shards.flatMap(lines).sort(byIndex)).toEqual(whole);
      const workers = shards.flatMap((shard) => [0, 1, 2].map((worker) => partOf(shard, worker, 3)));
      expect(workers.flatMap(lines).sort(byIndex)).toEqual(whole);
    }
  }
});

test("portions add up to the whole and differ by at most one", () => {
  expect([0, 1, 2].map((index) => portionOf(1_000, index, 3))).toEqual([334, 333, 333]);
  expect([0, 1].map((index) => portionOf(2, index, 2))).toEqual([1, 1]);
});

test("a shard counts from 1", () => {
  expect(parseShard("1/3")).toEqual({ index: 0, of: 3 });
  expect(parseShard("3/3")).toEqual({ index: 2, of: 3 });
  for (const bad of ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1.5/3", "1/1001"])
    expect(parseShard(bad)).toBeNull();
});

test.each([
  ["2030-01-31T12:00:00Z", Date.UTC(2030, 0, 31, 12)],
  ["2030-01-31 12:00:00.250+01:00", Date.UTC(2030, 0, 31, 11) + 250],
  ["1900000000000", 1_900_000_000_000],
  ["2030-01-31T12:00:00", null],
  ["2030-13-31T12:00:00Z", null],
  ["1900000000", null],
  ["noon", null],
] as const)("the instant %s", (text, at) => {
  expect(parseInstant(text)).toBe(at);
});
