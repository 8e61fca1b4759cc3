import { expect, test } from "bun:test";
import type { Verdict } from "../model/verdict.ts";
import { stabilityOf } from "./stability.ts";
import { trial } from "./synthetic.ts";
import { judge } from "./verdict.ts";

const verdict = (changes: Partial<Verdict>): Verdict => ({ ...judge(trial()), ...changes });

test("repeats are counted by result, and their spread is told", () => {
  const [stability, ...more] = stabilityOf([
    verdict({ result: "held", mttr_s: 0, fault_p99: 300 }),
    verdict({ result: "degraded", mttr_s: 4, fault_p99: 900 }),
    verdict({ result: "held", mttr_s: null, fault_p99: 320 }),
  ]);
  expect(more).toEqual([]);
  expect(stability).toMatchObject({ repeats: 3, results: { held: 2, degraded: 1 } });
  expect(stability?.agreement).toBeCloseTo(2 / 3, 9);
  expect(stability?.fault_p99_ms).toEqual({ min: 300, median: 320, max: 900 });
  expect(stability?.mttr_s).toEqual({ min: 0, median: 2, max: 4 });
});

test("what was run once has no stability", () => {
  expect(stabilityOf([verdict({}), verdict({ hypothesis: "another" })])).toEqual([]);
});
