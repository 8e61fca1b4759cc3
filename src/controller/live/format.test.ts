import { expect, test } from "bun:test";
import { showBound, showMs, showParams, showPercent, showRate, showTimes } from "./format.ts";
import type { FaultView } from "./wire.ts";

test("values have their units, and what is not known is not zero", () => {
  expect([2.5, 150, 2_500].map(showMs)).toEqual(["2.5 ms", "150 ms", "2.5 s"]);
  expect([{ ms: 250, over: false }, { ms: 10_000, over: true }, null].map(showBound)).toEqual([
    "≤ 250 ms",
    "> 10 s",
    "–",
  ]);
  expect([0, 0.0012, 0.2357, null].map(showPercent)).toEqual(["0 %", "0.12 %", "23.6 %", "–"]);
  expect([0, 2.55, 250.4, null].map(showRate)).toEqual(["0/s", "2.5/s", "250/s", "–"]);
});

test("a fault says what it does and how long", () => {
  const fault: FaultView = {
    id: "f-1",
    type: "latency",
    target: "payments",
    params: { delay_ms: 200, then: ["a", "b"] },
    backend: "nfqueue",
    t_start: 1_000,
    t_stop: null,
    lease: 61_000,
    left: null,
  };
  expect(showParams(fault.params)).toBe("delay_ms 200, then a b");
  expect(showTimes(fault, 13_000)).toBe("in force for 12 s, ends in 48 s");
  expect(showTimes({ ...fault, lease: null }, 13_000)).toBe("in force for 12 s, until its owner ends it");
  expect(showTimes({ ...fault, t_stop: 31_000 }, 40_000)).toBe("lasted 30 s, ended 9 s ago");
});
