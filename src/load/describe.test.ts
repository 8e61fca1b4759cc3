import { expect, test } from "bun:test";
import type { LoadSummary, LoadTick } from "../model/load.ts";
import { createTickLine, summaryTable } from "./describe.ts";
import { bucketOf } from "./histogram.ts";
import { DEFAULT_LIMITS, WHOLE } from "./run.ts";

const TICK: LoadTick = {
  kind: "tick",
  tick: 1,
  due: 12,
  sent: 10,
  late: 0,
  in_flight: 4,
  slip_max_ms: 0.1,
  slip: [],
  deltas: [],
};

test("a tick's line tells what happened in that second, and admits when nothing was answered", () => {
  const line = createTickLine([{ duration_s: 60, from: 1_000, to: 1_000 }]);
  expect(line(TICK)).toBe("1 s  1000 rps  10 sent  0 done  4 in flight  0 errors  p50/p99 -/- ms");
  const delta = {
    second: 0,
    operation: "POST /orders",
    tenant: 0,
    outcomes: { "2xx": 1, "5xx": 1, timeout: 2 },
    latency: [bucketOf(250), 2],
  } as const;
  const next = line({
    ...TICK,
    tick: 2,
    sent: 15,
    slip_max_ms: 12,
    deltas: [{ ...delta, latency: [...delta.latency] }],
  });
  expect(next).toBe(
    "2 s  1000 rps  5 sent  4 done  4 in flight  3 errors  p50/p99 0.25/0.25 ms  slip 12.0 ms",
  );
});

test("the table has no latency where there was no answer, and says when the generator was the limit", () => {
  const nothing = { count: 0, mean_ms: 0, p50_ms: 0, p90_ms: 0, p99_ms: 0, p999_ms: 0, max_ms: 0 };
  const none = { count: 0, sum_us: 0, max_us: 0, buckets: [] };
  const summary: LoadSummary = {
    kind: "summary",
    targets: ["http://h/"],
    rate: 5,
    stages: [{ duration_s: 1, from: 5, to: 5 }],
    seed: 1,
    arrivals: "constant",
    shard: WHOLE,
    t_start: 0,
    duration_s: 1,
    late: 0,
    slip_histogram: none,
    limits: DEFAULT_LIMITS,
    requests: 5,
    goodput_rps: 0,
    dropped: 1,
    slip: nothing,
    generator_saturated: true,
    operation_names: ["GET /orders/{id}"],
    operations: {
      "GET /orders/{id}": {
        requests: 5,
        outcomes: { dropped: 1, timeout: 4 },
        error_rate: 1,
        latency: nothing,
        service_time: nothing,
        histograms: { latency: none, service_time: none },
      },
    },
  };
  const text = summaryTable(summary);
  expect(text).toMatch(/GET \/orders\/\{id\} +5 +100\.00%( +-){6} +timeout 4, dropped 1\n/);
  expect(text).toContain("the generator was saturated");
  expect(summaryTable({ ...summary, generator_saturated: false })).not.toContain("saturated");
});
