import { expect, test } from "bun:test";
import { parseExposition } from "../observe/exposition.ts";
import { type PoolSample, poolOutcomes, poolSamples } from "./pools.ts";

test("pool gauges are read from scrapes, by pool and whatever the order of labels", () => {
  const text = [
    "# HELP chaoslab_pool_size Slots.",
    'chaoslab_pool_size{pool="workers",node="orders-1"} 16',
    'chaoslab_pool_in_use{node="orders-1",pool="workers"} 7',
    'chaoslab_pool_waiting{node="orders-1",pool="workers"} 2',
    'chaoslab_pool_size{pool="pg_primary",node="orders-1"} 10',
    "chaoslab_http_requests_in_flight 9",
  ].join("\n");
  expect(poolSamples([{ t: 5, node: "orders-1", samples: parseExposition(text) }])).toEqual([
    { t: 5, node: "orders-1", pool: "workers", size: 16, in_use: 7, waiting: 2 },
    { t: 5, node: "orders-1", pool: "pg_primary", size: 10, in_use: 0, waiting: 0 },
  ]);
});

test("peaks belong to their phase, and exhaustion counts only while unbroken", () => {
  const sample = (s: number, in_use: number, waiting: number): PoolSample => ({
    t: s * 1000,
    node: "api",
    pool: "orders",
    size: 4,
    in_use,
    waiting,
  });
  const samples = [
    ...[sample(1, 2, 0), sample(2, 3, 0)],
    // Full for 3 s, free for a moment, full for 1 s; full without anybody waiting is only busy.
    ...[sample(10, 4, 1), sample(11, 4, 9), sample(12, 4, 2), sample(13, 4, 1), sample(14, 3, 0)],
    ...[sample(15, 4, 1), sample(16, 4, 1), sample(17, 4, 0), sample(18, 4, 0)],
    sample(30, 4, 50),
  ];
  expect(
    poolOutcomes(samples, (t) => t / 1000, { baseline: [0, 10], fault: [10, 20], recovery: [20, 40] }),
  ).toEqual([
    {
      node: "api",
      pool: "orders",
      size: 4,
      baseline_peak_in_use: 3,
      fault_peak_in_use: 4,
      fault_peak_waiting: 9,
      exhausted_s: 3,
    },
  ]);
});
