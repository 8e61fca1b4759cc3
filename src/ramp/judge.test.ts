import { describe, expect, test } from "bun:test";
import { bucketOf } from "../load/histogram.ts";
import { sustained } from "./breach.ts";
import { judgeRamp, judgeStep } from "./judge.ts";
import { parseObjective } from "./objective.ts";
import type { Second } from "./second.ts";
import { describeStep } from "./step.ts";
import {
  CRITERIA,
  even,
  objective,
  queue,
  type System,
  secondOf,
  secondsOf,
  shedding,
  spike,
  stalling,
} from "./synthetic.ts";

const SLIP_MS = 0.5;

test.each<[string, System, number, string]>([
  ["a queue well below its capacity", queue(1_000), 900, "ok"],
  ["a queue next to its capacity", queue(1_000), 990, "breached"],
  ["a queue above its capacity", queue(1_000), 1_050, "breached"],
  ["a system that sheds, below its capacity", shedding(400), 400, "ok"],
  ["a system that sheds, above its capacity", shedding(400), 402, "breached"],
  ["a system that completes less than is asked", stalling(400), 450, "knee"],
  ["a system that completes 96 % of what is asked", stalling(400), 416, "ok"],
  ["a spike of one second", spike(4, 5), 200, "ok"],
  ["a spike of two seconds", spike(4, 6), 200, "ok"],
  ["a spike as long as a sustained breach", spike(4, 7), 200, "breached"],
])("%s", (_, system, rate, result) => {
  expect(judgeStep(secondsOf(system, rate), SLIP_MS, CRITERIA).result).toBe(result as never);
});

test("alternate bad seconds are a breach, scattered ones are not", () => {
  const t = true;
  const f = false;
  expect(sustained([t, t, f, t, t, f, t, t, f, t], 3)).toBe(0);
  expect(sustained([f, t, f, t, f, f, f, t, t, f], 3)).toBeNull();
  expect(sustained([f, f, t, t, t, f, f, f, f, f], 3)).toBe(2);
});

test("the verdict says which objective broke, and since when", () => {
  const verdict = judgeStep(secondsOf(spike(5, 9), 100), SLIP_MS, CRITERIA);
  expect(verdict.breach_at_s).toBe(5);
  expect(verdict.why).toContain("p99 < 250 ms was 20");
  expect(verdict.why).toContain("4 of 10 s");
});

test("an objective on an operation looks at nothing else", () => {
  const read = secondsOf(even, 100);
  const both = read.map((each): Second => {
    const slow = secondOf(20, { latencyMs: () => 900 }).operations["GET /"];
    return { ...each, operations: { ...each.operations, ...(slow && { "POST /": slow }) }, completed: 120 };
  });
  const judged = (text: string) =>
    judgeStep(both, SLIP_MS, { ...CRITERIA, objectives: [objective(text)] }).result;
  expect(judged("GET /: p99 < 250 ms")).toBe("ok");
  expect(judged("POST /: p99 < 250 ms")).toBe("breached");
  expect(judged("p50 < 250 ms")).toBe("ok");
  expect(judged("p99 < 250 ms")).toBe("breached");
});

test("requests without an answer rank above all others", () => {
  const seconds = secondsOf(even, 100).map((each): Second => {
    const counts = each.operations["GET /"];
    return counts ? { ...each, operations: { "GET /": { ...counts, requests: 102 } } } : each;
  });
  const criteria = { ...CRITERIA, objectives: [objective("p99 < 4 s")] };
  expect(judgeStep(seconds, SLIP_MS, criteria).why).toContain(">= 5000 ms");
  const step = describeStep(1, seconds, SLIP_MS, judgeStep(seconds, SLIP_MS, criteria), 5_000);
  expect(step.operations["GET /"]?.p99_ms).toBe(5_000);
});

describe("the generator was the limit", () => {
  const slow = (ms: number): Second[] => secondsOf(() => ({ latencyMs: () => ms }), 200);
  test.each<[string, Second[], number, string]>([
    ["requests left late, which is why they took long", slow(300), 200, "slip p99 200 ms"],
    ["requests left late, and were answered well", slow(10), 200, "slip p99 200 ms"],
    ["requests were never sent", slow(900).map((s) => ({ ...s, dropped: 1 })), SLIP_MS, "never sent"],
    ["it had its core full", slow(900).map((s) => ({ ...s, cpuShare: 0.99 })), SLIP_MS, "0.99 of one core"],
  ])("%s", (_, seconds, slip, why) => {
    const verdict = judgeStep(seconds, slip, CRITERIA);
    expect(verdict.result).toBe("generator_limited");
    expect(verdict.why).toContain(why);
  });

  test("but not where its lateness cannot explain the breach", () => {
    expect(judgeStep(slow(2_000), 90, CRITERIA).result).toBe("breached");
    expect(judgeStep(secondsOf(shedding(400), 450), 90, CRITERIA).result).toBe("breached");
  });

  test("nor where its core was full, and yet all was sent in time and answered well", () => {
    const seconds = secondsOf(even, 200).map((each) => ({ ...each, cpuShare: 0.99 }));
    expect(judgeStep(seconds, SLIP_MS, CRITERIA).result).toBe("ok");
  });
});

describe("a ramp that never stops", () => {
  /** From 100 to 1090 rps in 100 s. */
  const climb = (system: System): Second[] =>
    Array.from({ length: 100 }, (_, t) => secondOf(100 + 10 * t, system(100 + 10 * t, t)));

  test("breaks at the rate at which the sustained breach begins", () => {
    const seconds = climb(shedding(605));
    const { result, breach_at_s } = judgeRamp(seconds, CRITERIA);
    expect(result).toBe("breached");
    expect(seconds[breach_at_s ?? -1]?.rate).toBe(610);
  });

  test("does not break at a spike before", () => {
    const seconds = climb((rate, t) => (t === 20 ? spike(20, 21)(rate, t) : shedding(605)(rate, t)));
    expect(seconds[judgeRamp(seconds, CRITERIA).breach_at_s ?? -1]?.rate).toBe(610);
  });

  test("is the generator's where its lateness explains what is out first", () => {
    const late = (from: number) =>
      climb((rate, t) => (rate < from ? shedding(605)(rate, t) : { latencyMs: () => 310 })).map((each) =>
        each.rate >= from ? { ...each, late: each.sent / 10, slip: [bucketOf(300_000), each.sent] } : each,
      );
    expect(judgeRamp(late(500), CRITERIA)).toMatchObject({ result: "generator_limited", breach_at_s: 40 });
    expect(judgeRamp(late(700), CRITERIA)).toMatchObject({ result: "breached", breach_at_s: 51 });
  });

  test("is the generator's where that was late and nothing else happened", () => {
    const seconds = climb(even).map((each) => (each.rate >= 800 ? { ...each, dropped: 3 } : each));
    expect(judgeRamp(seconds, CRITERIA)).toMatchObject({ result: "generator_limited", breach_at_s: 70 });
    expect(judgeRamp(climb(even), CRITERIA).result).toBe("ok");
  });
});

test("objectives are read as they are written, and nothing else is", () => {
  expect(parseObjective("POST /a:b: p999 < 1 s")).toMatchObject({
    operation: "POST /a:b",
    metric: { kind: "latency", quantile: expect.closeTo(0.999, 9) },
    bound: { comparison: "<", value: 1_000 },
  });
  for (const text of [
    "p99",
    "p99 < 250",
    "error_rate < 5 ms",
    "speed < 1 s",
    ": p99 < 1 s",
    "p99 < 1 s for 5s",
    "rate > 1 %",
  ]) {
    expect([text, parseObjective(text)]).toEqual([text, null]);
  }
});
