import { expect, test } from "bun:test";
import type { Counters, Scraped } from "./counters.ts";
import { between, type Interval, Observer, steadySince } from "./observer.ts";

const counters = (answered: number, failed: number, fast: number): Counters => ({
  answered,
  failed,
  buckets: new Map([
    [0.25, fast],
    [Number.POSITIVE_INFINITY, answered],
  ]),
});
const scraped = (t: number, reads: Counters, writes: Counters): Scraped => ({
  t,
  operations: { "GET /orders/{id}": reads, "POST /orders": writes },
});

test("an interval is what came between two scrapes, over all operations; none after a restart", () => {
  const before = scraped(1_000, counters(80, 0, 80), counters(20, 10, 0));
  const after = scraped(2_000, counters(170, 5, 170), counters(30, 15, 10));
  expect(between(before, after)).toEqual({ t: 2_000, requests: 100, error_rate: 0.1, p99_s: 0.25 });
  expect(between(after, before)).toBeNull();
  expect(between(after, { ...after, t: 3_000 })).toBeNull();
});

test("recovered is the first of three steady seconds in a row after the fault's end", () => {
  const at = (t: number, p99_s: number): Interval => ({ t, requests: 10, error_rate: 0, p99_s });
  const calm = [1, 2, 3].map((t) => at(t, 0.1));
  expect(
    steadySince([...calm, at(4, 1), at(5, 0.1), at(6, 1), ...[7, 8, 9].map((t) => at(t, 0.25))], 3),
  ).toBe(7);
  expect(steadySince([...calm, at(4, 1), at(5, 0.1), at(6, 0.1)], 3)).toBeNull();
});

test("without a scrape nothing is known of a load, and nothing is waited for", async () => {
  const observer = new Observer();
  expect(observer.loaded).toBe(false);
  expect(await observer.recovery(Date.now(), 60_000)).toBeNull();
});
