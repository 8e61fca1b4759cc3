import { describe, expect, test } from "bun:test";
import type { RampStep } from "../model/ramp.ts";
import { conclude, median } from "./conclude.ts";
import { judgeStep } from "./judge.ts";
import { concludeRepeat, ladder, nextRate } from "./search.ts";
import { describeStep } from "./step.ts";
import { CRITERIA, even, queue, type System, secondsOf, shedding, spike, stalling } from "./synthetic.ts";

const RANGE = { from_rps: 50, to_rps: 2_000, factor: 1.5, step_rps: null };

/** A whole search of a made-up system. `slipMs`: what the generator does at a rate, on a try. */
function search(
  system: System,
  range = RANGE as Parameters<typeof nextRate>[0],
  slipMs: (rate: number, tries: number) => number = () => 1,
  hint = 0,
): RampStep[] {
  const steps: RampStep[] = [];
  for (let rate = nextRate(range, steps, hint); rate !== null; rate = nextRate(range, steps, hint)) {
    const tries = steps.filter((step) => step.rate_rps === rate).length;
    const [seconds, slip] = [secondsOf(system, rate), slipMs(rate, tries)];
    steps.push(describeStep(1, seconds, slip, judgeStep(seconds, slip, CRITERIA), CRITERIA.timeoutMs));
    if (steps.length > 100) throw new Error("the search does not end");
  }
  return steps;
}

describe("the breakpoint is found within a few percent, by few steps", () => {
  test.each<[string, System, number]>([
    // p99 of an exponential is ln(100) times its mean: 250 ms at 18.4 rps below the capacity.
    ["a queue", queue(1_000), 981.6],
    ["a queue of small capacity", queue(90), 71.6],
    ["an error cliff", shedding(400), 400],
    ["a knee", stalling(700), 700 / 0.95],
  ])("%s", (_, system, truth) => {
    for (const hint of [0, truth * 0.6, truth * 2]) {
      const steps = search(system, RANGE, () => 1, hint);
      const { outcome, breakpoint_rps } = concludeRepeat(1, steps, true);
      expect(outcome).toBe("found");
      // A little above the capacity it takes a queue more than a step to grow as long as the bound.
      expect(breakpoint_rps ?? 0).toBeLessThan(truth * 1.05);
      expect(breakpoint_rps ?? 0).toBeGreaterThan(truth * 0.94);
      expect(steps.length).toBeLessThanOrEqual(hint === 0 ? 16 : 11);
    }
  });
});

test("with a distance between steps every rung below the first that breaks is tried", () => {
  const steps = search(shedding(330), { from_rps: 100, to_rps: 1_000, factor: null, step_rps: 50 });
  expect(steps.map((step) => step.rate_rps)).toEqual([100, 150, 200, 250, 300, 350, 350]);
  expect(concludeRepeat(1, steps, true)).toMatchObject({ breakpoint_rps: 300, broke_rps: 350 });
});

test("the ladder rises to the highest rate, and no further", () => {
  expect(ladder({ from_rps: 50, to_rps: 200, factor: 1.5, step_rps: null })).toEqual([50, 75, 113, 170, 200]);
  expect(ladder({ from_rps: 1, to_rps: 4, factor: 1.05, step_rps: null })).toEqual([1, 2, 3, 4]);
});

test("no breakpoint is made up", () => {
  const slow: System = () => ({ latencyMs: () => 900 });
  expect(concludeRepeat(1, search(even), true)).toMatchObject({
    outcome: "not_reached",
    breakpoint_rps: null,
  });
  expect(concludeRepeat(1, search(slow), true)).toMatchObject({
    outcome: "below_range",
    breakpoint_rps: null,
  });
  expect(concludeRepeat(1, [], false).outcome).toBe("unfinished");
});

test("where the generator was the first limit, a later breach counts for nothing", () => {
  const steps = search(shedding(1_000), RANGE, (rate) => (rate > 300 ? 200 : 1));
  const result = concludeRepeat(1, steps, true);
  expect(result).toMatchObject({ outcome: "generator_limited", breakpoint_rps: null });
  expect(result.why).toContain("slip p99 200 ms");
});

test("a hiccup of the machine is not the system's breakpoint", () => {
  const late = search(shedding(400), RANGE, (rate, tries) => (rate === 113 && tries === 0 ? 200 : 1));
  expect(late.filter((step) => step.rate_rps === 113)).toHaveLength(2);
  let calls = 0;
  const slow = search((rate, t) => (rate === 113 && calls++ < 10 ? spike(0, 10) : shedding(400))(rate, t));
  for (const steps of [late, slow]) {
    expect(steps.find((step) => step.rate_rps === 113)?.verdict.result).not.toBe("ok");
    const { outcome, breakpoint_rps } = concludeRepeat(1, steps, true);
    expect(outcome).toBe("found");
    expect(breakpoint_rps ?? 0).toBeGreaterThan(375);
  }
});

describe("over the repeats", () => {
  const PLAN = { steady_share: 0.65, to_rps: 2_000 };
  const found = (...rates: number[]) =>
    rates.map((breakpoint_rps, i) => ({
      repeat: i + 1,
      outcome: "found" as const,
      breakpoint_rps,
      broke_rps: breakpoint_rps + 10,
      why: "at 1 rps: slow",
    }));
  const none = (outcome: "generator_limited" | "not_reached" | "below_range" | "unfinished") => ({
    repeat: 9,
    outcome,
    breakpoint_rps: null,
    broke_rps: null,
    why: "at 300 rps: requests left late",
  });

  test("median, spread and steady rate", () => {
    const { breakpoint, steady_rate_rps } = conclude(found(400, 420, 410), PLAN, 1);
    expect(breakpoint).toMatchObject({
      rps: 410,
      min_rps: 400,
      max_rps: 420,
      stable: true,
      interval_95: null,
    });
    expect(steady_rate_rps).toBe(267);
    expect(conclude(found(400, 420, 500), PLAN, 1).breakpoint?.stable).toBe(false);
    expect(conclude(found(400), PLAN, 1).breakpoint?.stable).toBeNull();
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
  });

  test("from five repeats on an interval, the same for the same seed, inside the extremes", () => {
    const all = found(390, 400, 405, 410, 450);
    const one = conclude(all, PLAN, 7).breakpoint?.interval_95;
    expect(one).toEqual(conclude(all, PLAN, 7).breakpoint?.interval_95 ?? null);
    expect(one?.method).toContain("bootstrap");
    expect(one?.low_rps).toBeGreaterThanOrEqual(390);
    expect(one?.low_rps).toBeLessThan(405);
    expect(one?.high_rps).toBeGreaterThan(405);
    expect(one?.high_rps).toBeLessThanOrEqual(450);
  });

  test("named only where most repeats found one; then those that did not make it unstable", () => {
    const most = conclude([...found(400, 410), none("generator_limited")], PLAN, 1);
    expect(most.breakpoint).toMatchObject({ rps: 405, stable: false });
    const few = conclude([...found(400), none("generator_limited")], PLAN, 1);
    expect(few).toMatchObject({ breakpoint: null, steady_rate_rps: null });
    expect(few.no_breakpoint).toContain("the load generator, not the system, was the limit");
  });

  test("otherwise the words say why, and what to do", () => {
    expect(conclude([none("not_reached")], PLAN, 1).no_breakpoint).toContain("up to 2000 rps");
    expect(conclude([none("below_range")], PLAN, 1).no_breakpoint).toContain("lower --from");
    expect(conclude([none("unfinished")], PLAN, 1).no_breakpoint).toContain("stopped");
    expect(conclude([...found(400), none("unfinished")], PLAN, 1).breakpoint?.rps).toBe(400);
  });
});
