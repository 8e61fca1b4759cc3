import { expect, test } from "bun:test";
import { countsOf, latencyQuantile } from "../load/counts.ts";
import { bucketOf } from "../load/histogram.ts";
import type { LoadDelta } from "../model/load.ts";
import { History } from "./history.ts";

const delta = (second: number, more: Partial<LoadDelta> = {}): LoadDelta => ({
  second,
  operation: "POST /orders",
  tenant: 0,
  outcomes: {},
  latency: [],
  ...more,
});

/** `n` answers of `ms` each. */
const answers = (n: number, ms: number): Partial<LoadDelta> => ({
  outcomes: { "2xx": n },
  latency: [bucketOf(ms * 1000), n],
});

test("deltas of one second add up, whenever they came", () => {
  const history = new History(5_000);
  history.add(delta(3, answers(10, 20)));
  history.add(delta(0, answers(5, 20)));
  history.add(delta(3, { outcomes: { timeout: 2, "5xx": 3 }, latency: [bucketOf(1000), 3] }));
  const counts = history.window("POST /orders", 3, 4);
  expect(counts).toMatchObject({ requests: 15, good: 10, answered: 13 });
  expect(history.length).toBe(4);
  expect(history.sli("write_error_rate", 3, 4)).toBeCloseTo(5 / 15, 9);
  expect(history.sli("write_error_rate", 0, 1)).toBe(0);
});

test("operations are kept apart", () => {
  const history = new History(5_000);
  history.add(delta(0, { ...answers(10, 20), operation: "GET /orders/{id}" }));
  expect(history.sli("read_availability", 0, 1)).toBe(1);
  expect(history.sli("write_p99", 0, 1)).toBeNull();
  expect(countsOf([delta(0, answers(4, 1))], "GET /orders/{id}").requests).toBe(0);
});

test("the quantile of answered requests is within the histogram's error", () => {
  const history = new History(5_000);
  for (let ms = 1; ms <= 1000; ms++) history.add(delta(0, answers(1, ms)));
  const p99 = history.sli("write_p99", 0, 1) ?? 0;
  expect(p99).toBeGreaterThanOrEqual(990);
  expect(p99).toBeLessThanOrEqual(990 * 1.01);
});

test("unanswered requests rank above all answered ones, so a hang cannot look fast", () => {
  const counts = countsOf(
    [delta(0, answers(98, 10)), delta(0, { outcomes: { timeout: 2 } })],
    "POST /orders",
  );
  expect(latencyQuantile(counts, 0.98, 5_000)).toBeLessThan(11);
  expect(latencyQuantile(counts, 0.99, 5_000)).toBe(5_000);
});

test("requests that were never sent count as failed", () => {
  const history = new History(5_000);
  history.add(delta(0, answers(9, 10)));
  history.add(delta(0, { outcomes: { dropped: 1 } }));
  expect(history.sli("write_error_rate", 0, 1)).toBeCloseTo(0.1, 9);
});
