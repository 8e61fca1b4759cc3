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
  expect(history.measure("POST /orders", "error_rate", 3, 4)).toBeCloseTo(5 / 15, 9);
  expect(history.measure("POST /orders", "error_rate", 0, 1)).toBe(0);
});

test("operations are kept apart", () => {
  const history = new History(5_000);
  history.add(delta(0, { ...answers(10, 20), operation: "GET /orders/{id}" }));
  expect(history.measure("GET /orders/{id}", "availability", 0, 1)).toBe(1);
  expect(history.measure("POST /orders", "p99", 0, 1)).toBeNull();
  expect(countsOf([delta(0, answers(4, 1))], "GET /orders/{id}").requests).toBe(0);
});

test("the quantile of answered requests is within the histogram's error", () => {
  const history = new History(5_000);
  for (let ms = 1; ms <= 1000; ms++) history.add(delta(0, answers(1, ms)));
  const p99 = history.measure("POST /orders", "p99", 0, 1) ?? 0;
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
  expect(history.measure("POST /orders", "error_rate", 0, 1)).toBeCloseTo(0.1, 9);
});

test("tenants are told apart, and a window takes only its seconds", () => {
  const history = new History(5_000);
  history.add(delta(0, { ...answers(10, 20), tenant: 3 }));
  history.add(delta(1, { outcomes: { degraded: 2, "5xx": 2 }, latency: [bucketOf(1000), 4], tenant: 3 }));
  history.add(delta(1, { ...answers(5, 20), tenant: 7 }));
  const tenants = history.tenants("POST /orders", 1, 2);
  expect([...tenants.keys()]).toEqual([3, 7]);
  expect(tenants.get(3)).toMatchObject({ requests: 4, good: 2, degraded: 2 });
  expect(history.measure("POST /orders", "degraded_rate", 1, 2)).toBeCloseTo(2 / 9, 9);
  expect(history.measure("POST /orders", "goodput", 0, 2)).toBe(17 / 2);
});

test("suffixes are the measure over each rest of the window", () => {
  const history = new History(5_000);
  for (let second = 0; second < 20; second++) {
    history.add(
      delta(second, { outcomes: { "2xx": 90, timeout: second % 7 }, latency: [bucketOf(second * 1000), 90] }),
    );
  }
  for (const measure of ["error_rate", "p99", "goodput"] as const) {
    const suffixes = history.suffixes("POST /orders", measure, 5, 20);
    expect(suffixes).toEqual(
      Array.from({ length: 15 }, (_, i) => history.measure("POST /orders", measure, 5 + i, 20)),
    );
  }
});
