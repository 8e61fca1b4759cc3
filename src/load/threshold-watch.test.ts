import { describe, expect, test } from "bun:test";
import type { LoadSummary, OutcomeCounts } from "../model/load.ts";
import type { FollowedTick } from "./counts.ts";
import { bucketOf, Histogram } from "./histogram.ts";
import { OperationTotals, summarise } from "./recorder.ts";
import { DEFAULT_LIMITS, WHOLE } from "./run.ts";
import { ThresholdWatch } from "./threshold-watch.ts";
import { readThresholds } from "./thresholds.ts";

const TIMEOUT_MS = 5_000;
const STAGES = [{ duration_s: 60, from: 100, to: 100 }];
const OPERATIONS = ["GET /", "POST /"];

const watching = (...texts: string[]): ThresholdWatch =>
  new ThresholdWatch(readThresholds(texts, OPERATIONS), STAGES, TIMEOUT_MS);

/** What one second brought; 100 requests due, all sent at once, unless told otherwise. */
interface Second {
  outcomes?: OutcomeCounts;
  /** Of every answer, in milliseconds. */
  ms?: number;
  due?: number;
  slips?: number[];
  late?: number;
}

/** Ticks of these seconds. */
function ticks(seconds: readonly Second[]): FollowedTick[] {
  let due = 0;
  let late = 0;
  return seconds.map(({ outcomes = { "2xx": 100 }, ms = 10, due: more = 100, ...rest }, i) => {
    due += more;
    late += rest.late ?? 0;
    const { timeout = 0, dropped = 0, ...answered } = outcomes;
    const answers = Object.values(answered).reduce((sum, n) => sum + n, 0);
    const slip = rest.slips ?? Array.from({ length: more }, () => 0.1);
    return {
      kind: "tick",
      tick: i + 1,
      due,
      sent: due,
      late,
      in_flight: 0,
      slip_max_ms: Math.max(0, ...slip),
      slip: slip.flatMap((each) => [bucketOf(each * 1_000), 1]),
      deltas:
        answers + timeout + dropped === 0
          ? []
          : [{ operation: "GET /", outcomes, latency: answers > 0 ? [bucketOf(ms * 1_000), answers] : [] }],
    };
  });
}

/** The second in which the threshold trips; null: never. */
function trippedAt(text: string, seconds: readonly Second[]): number | null {
  const watch = watching(text);
  const hit = ticks(seconds).find((tick) => watch.tick(tick).length > 0);
  return hit?.tick ?? null;
}

const GOOD: Second = {};
const SLOW: Second = { ms: 400 };
const FAILING: Second = { outcomes: { "2xx": 90, "5xx": 10 } };
/** Nothing ended: all of it is still on its way. */
const SILENT: Second = { outcomes: {} };
const HANGING: Second = { outcomes: { timeout: 100 } };

describe("a threshold for some seconds", () => {
  test.each<[string, string, readonly Second[], number | null]>([
    ["trips when the breach has lasted", "p99 < 250 ms for 3s", [GOOD, SLOW, SLOW, SLOW, GOOD], 4],
    ["a breach that ends starts over", "p99 < 250 ms for 3s", [SLOW, SLOW, GOOD, SLOW, SLOW], null],
    [
      "a second without an end of a request goes on with a breach",
      "p99 < 1 s for 3s",
      [HANGING, SILENT, HANGING],
      3,
    ],
    ["and begins none", "p99 < 250 ms for 2s", [SILENT, SILENT, SILENT, GOOD], null],
    [
      "requests without an answer are the slowest",
      "p50 < 250 ms for 1s",
      [{ outcomes: { "2xx": 49, timeout: 51 } }],
      1,
    ],
    ["errors count", "error_rate < 5 % for 2s", [FAILING, FAILING], 2],
    ["of one operation", "GET /: availability >= 95 % for 1s", [GOOD, FAILING], 2],
    ["not of another", "POST /: availability >= 95 % for 1s", [FAILING, FAILING], null],
    ["goodput is nothing while nothing ends", "goodput >= 50 rps for 2s", [GOOD, SILENT, SILENT], 3],
    [
      "and cannot be told while nothing is due",
      "goodput >= 50 rps for 1s",
      [GOOD, { outcomes: {}, due: 0 }],
      null,
    ],
    [
      "requests that wait for a connection are not on time",
      "rate >= 95 % for 2s",
      [{ slips: [0.1] }, { slips: [] }],
      2,
    ],
    [
      "nor are late ones",
      "rate >= 95 % for 1s",
      [{ slips: Array.from({ length: 100 }, (_, i) => (i < 6 ? 30 : 0.1)), late: 6 }],
      1,
    ],
    [
      "a generator on time keeps its rate, whatever the target does",
      "rate >= 95 % for 1s",
      [HANGING, SILENT],
      null,
    ],
    ["dropped requests", "dropped < 1 % for 1s", [GOOD, { outcomes: { "2xx": 98, dropped: 2 } }], 2],
    ["slip", "slip_p99 < 10 ms for 1s", [GOOD, { slips: [1, 2, 30] }], 2],
  ])("%s", (_, text, seconds, at) => {
    expect(trippedAt(text, seconds)).toBe(at);
  });

  test("tells when the breach began, what tripped it, and only once", () => {
    const watch = watching("p99 < 250 ms for 2s", "p99 < 250 ms for 9s");
    const results = ticks([GOOD, SLOW, SLOW, SLOW]).map((tick) => watch.tick(tick));
    expect(results.map(({ length }) => length)).toEqual([0, 0, 1, 0]);
    expect(results[2]?.[0]).toMatchObject({
      threshold: "p99 < 250 ms for 2s",
      ok: false,
      breached_from_s: 1,
      aborted_at_s: 3,
    });
    const { thresholds } = watch.judge(summaryOf({ "2xx": 5 }, 10));
    expect(thresholds.map(({ ok, aborted_at_s }) => [ok, aborted_at_s])).toEqual([
      [false, 3],
      [true, null],
    ]);
    expect(thresholds[0]?.value).toBeGreaterThanOrEqual(400);
  });
});

/** A load of 10 s in which `GET /` ended like this. */
function summaryOf(outcomes: OutcomeCounts, ms: number): LoadSummary {
  const totals = new OperationTotals();
  Object.assign(totals.outcomes, outcomes);
  const { timeout = 0, dropped = 0, ...answered } = outcomes;
  const answers = Object.values(answered).reduce((sum, n) => sum + n, 0);
  for (let i = 0; i < answers; i++) totals.latency.record(ms * 1_000);
  const operation = totals.summary();
  const slip = new Histogram();
  slip.record(2_000);
  return {
    kind: "summary",
    targets: [],
    rate: 100,
    stages: STAGES,
    seed: 1,
    arrivals: "constant",
    shard: WHOLE,
    t_start: 0,
    duration_s: 10,
    requests: answers + timeout + dropped,
    goodput_rps: 0,
    late: 4,
    dropped,
    slip: summarise(slip),
    slip_histogram: slip.toData(),
    limits: DEFAULT_LIMITS,
    generator_saturated: false,
    operation_names: ["GET /"],
    operations: operation ? { "GET /": operation } : {},
  };
}

describe("a threshold over the whole load", () => {
  const summary = summaryOf({ "2xx": 80, "5xx": 10, timeout: 8, dropped: 2 }, 20);
  test.each<[string, boolean, number | null]>([
    ["p90 <= 20 ms", true, 20],
    ["p95 < 5 s", false, 5_000],
    ["max < 1 s", false, 5_000],
    ["mean < 600 ms", true, 518],
    ["error_rate < 20 %", false, 0.2],
    ["availability >= 80 %", true, 0.8],
    ["goodput >= 8 rps", true, 8],
    ["rate >= 95 %", false, 0.94],
    ["dropped <= 2 %", true, 0.02],
    ["slip_p99 <= 2 ms", true, 2],
    ["GET /: p50 < 21 ms", true, 20],
    ["POST /: p50 < 21 ms", false, null],
  ])("%s: %p", (text, ok, value) => {
    const [result] = watching(text).judge(summary).thresholds;
    expect(result?.ok).toBe(ok);
    if (value === null) expect(result?.value).toBeNull();
    else expect(result?.value).toBeCloseTo(value, 6);
  });

  test("the slowest answer is exact: a bucket's width fails nothing", () => {
    const exact = summaryOf({ "2xx": 3 }, 24.961);
    expect(watching("max <= 24.961 ms").judge(exact).thresholds[0]?.ok).toBeTrue();
  });
});
