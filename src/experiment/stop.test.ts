import { expect, test } from "bun:test";
import type { LoadTick } from "../model/load.ts";
import { StopWatch } from "./stop.ts";

/** A tick in which `good` reads were answered and `bad` ones timed out. */
function tick(good: number, bad: number): LoadTick {
  const outcomes = { "2xx": good, timeout: bad };
  return {
    kind: "tick",
    tick: 0,
    due: 0,
    sent: 0,
    late: 0,
    in_flight: 0,
    slip_max_ms: 0,
    slip: [],
    deltas: [{ second: 0, operation: "GET /orders/{id}", tenant: 0, outcomes, latency: [] }],
  };
}

const watch = (forS: number): StopWatch =>
  new StopWatch({ sli: "read_error_rate", threshold: "> 1 %", for_s: forS }, 5_000);

const run = (stopWatch: StopWatch, ticks: readonly LoadTick[]): boolean[] =>
  ticks.map((each) => stopWatch.tick(each));

test("a sustained breach stops, exactly when it has lasted long enough", () => {
  expect(run(watch(3), Array(4).fill(tick(90, 10)))).toEqual([false, false, true, true]);
});

test("a breach that ends starts over", () => {
  const bad = tick(90, 10);
  expect(run(watch(3), [bad, bad, tick(100, 0), bad, bad, bad])).toEqual([
    false,
    false,
    false,
    false,
    false,
    true,
  ]);
});

test("exactly at the bound is no breach", () => {
  expect(run(watch(1), [tick(99, 1), tick(98, 2)])).toEqual([false, true]);
});

test("silence neither starts a breach nor ends one", () => {
  const silence = tick(0, 0);
  expect(run(watch(2), [silence, silence, silence])).toEqual([false, false, false]);
  expect(run(watch(3), [tick(90, 10), silence, silence])).toEqual([false, false, true]);
});
