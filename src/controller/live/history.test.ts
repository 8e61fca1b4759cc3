import { expect, test } from "bun:test";
import type { Counters, Scraped } from "../counters.ts";
import { History, KEEP_MS } from "./history.ts";

const counters = (answered: number, failed: number, fast: number): Counters => ({
  answered,
  failed,
  buckets: new Map([
    [0.1, fast],
    [10, fast],
    [Number.POSITIVE_INFINITY, answered],
  ]),
});
const scraped = (t: number, write: Counters): Scraped => ({
  t,
  operations: { "GET /orders/{id}": counters(0, 0, 0), "POST /orders": write },
});

test("a second has rates per second, and quantiles as bounds of buckets", () => {
  const history = new History();
  expect(history.add(scraped(1_000, counters(100, 0, 100)), 1_000).operations).toBeNull();
  // Two seconds on: 100 answers, of which ten failed and two took longer than any bound.
  const second = history.add(scraped(3_000, counters(200, 10, 198)), 3_000);
  expect(second.operations).toEqual({
    "GET /orders/{id}": { rate: 0, error_rate: null, p50: null, p99: null },
    "POST /orders": {
      rate: 50,
      error_rate: 0.1,
      p50: { ms: 100, over: false },
      p99: { ms: 10_000, over: true },
    },
  });
});

test("a scrape that failed, and the first one after it or after a restart, are gaps", () => {
  const history = new History();
  const known = [
    scraped(1, counters(5, 0, 5)),
    null,
    scraped(3, counters(9, 0, 9)),
    scraped(4, counters(1, 0, 1)),
  ]
    .map((each, i) => history.add(each, i).operations)
    .concat(history.add(scraped(5, counters(2, 0, 2)), 5).operations);
  expect(known.map((each) => each !== null)).toEqual([false, false, false, false, true]);
});

test("ten minutes are kept", () => {
  const history = new History();
  for (let t = 0; t <= KEEP_MS + 5_000; t += 1_000) history.add(null, t);
  expect(history.seconds[0]?.t).toBe(5_000);
  expect(history.seconds).toHaveLength(601);
});
