import { expect, test } from "bun:test";
import type { LoadTick } from "../model/load.ts";
import { BUILTIN_SLIS, loadSli } from "../model/sli.ts";
import { BudgetWatch, StopWatch } from "./stop.ts";

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

const READS = BUILTIN_SLIS.read_error_rate ?? loadSli("GET /orders/{id}", "error_rate");
const watch = (forS: number): StopWatch =>
  new StopWatch({ sli: "read_error_rate", threshold: "> 1 %", for_s: forS }, READS, 5_000);
const unknown = (): null => null;

const run = (stopWatch: StopWatch, ticks: readonly LoadTick[]): boolean[] =>
  ticks.map((each) => stopWatch.tick(each, unknown));

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

test("a server's SLI is judged by what is known of it at the time", () => {
  const definition = { source: "prometheus", query: "up", over: "max", unit: "count" } as const;
  const queue = new StopWatch({ sli: "queue", threshold: "> 5", for_s: 2 }, definition, 5_000);
  const values = [9, 3, 9, null, 9];
  expect(values.map((value) => queue.tick(tick(1, 0), () => value))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
});

test("a budget is spent by all that missed the objective, and tells since when", () => {
  const objective = { comparison: "<", value: 0.001 } as const;
  const budget = new BudgetWatch("read_error_rate", READS, objective, 25, "5 %");
  const bad = tick(90, 10);
  expect([tick(90, 0), bad, tick(90, 0), bad].map((each) => budget.tick(each))).toEqual(Array(4).fill(false));
  expect(budget.tick(bad)).toBeTrue();
  expect(budget.lasting).toBe(4);
});
