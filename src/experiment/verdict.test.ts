import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { bucketOf } from "../load/histogram.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { LoadSummary, Operation } from "../model/load.ts";
import { History } from "./history.ts";
import type { PoolSample } from "./pools.ts";
import { parseSchedule } from "./schedule-file.ts";
import { boundsOf, judge, type Recorded, recoveredAt } from "./verdict.ts";

const schedule = parseSchedule(
  readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8"),
  "cascade",
);
const [hypothesis] = schedule.hypotheses;
if (!hypothesis) throw new Error("the cascade schedule has no hypothesis");

const TIMEOUT_MS = 5_000;
const BASELINE: [number, number] = [5, 25];
const FAULT: [number, number] = [27, 57];
const RECOVERY: [number, number] = [57, 97];
const LOAD_START = 1_700_000_000_000;

/** What one second of one operation looks like. */
interface Second {
  ms?: number;
  failed?: number;
}

/** A history of 100 requests per second and operation; 50 ms and no failure unless `shape` says otherwise. */
function historyOf(shape: (second: number, operation: Operation) => Second): History {
  const history = new History(TIMEOUT_MS);
  for (let second = 0; second < RECOVERY[1]; second++) {
    for (const operation of ["GET /orders/{id}", "POST /orders"] as const) {
      const { ms = 50, failed = 0 } = shape(second, operation);
      history.add({
        second,
        operation,
        tenant: 0,
        outcomes: { "2xx": 100 - failed, timeout: failed },
        latency: [bucketOf(ms * 1000), 100 - failed],
      });
    }
  }
  return history;
}

const within = (second: number, [from, to]: [number, number]): boolean => second >= from && second < to;

const event: FaultEvent = {
  id: "f-1",
  fault_type: "latency",
  target: "payments",
  params: { delay_ms: 200 },
  backend: "nfqueue",
  t_start: LOAD_START + 26_500,
  t_stop: LOAD_START + 56_800,
  evidence: { landed: true, detail: "1000 packets", measures: { packets: 1000 } },
  gone: true,
  remains: null,
};

const latency = { count: 1, mean_ms: 1, p50_ms: 1, p90_ms: 1, p99_ms: 1, p999_ms: 1, max_ms: 1 };
const load: LoadSummary = {
  kind: "summary",
  targets: ["http://api"],
  rate: 200,
  stages: [{ duration_s: 97, from: 200, to: 200 }],
  seed: 1,
  arrivals: "poisson",
  shard: { index: 0, of: 1 },
  t_start: LOAD_START,
  duration_s: 97,
  late: 0,
  slip_histogram: { count: 0, sum_us: 0, max_us: 0, buckets: [] },
  limits: { slip_p99_ms: 50, dropped_share: 0 },
  requests: 19_400,
  goodput_rps: 200,
  dropped: 0,
  slip: latency,
  generator_saturated: false,
  operation_names: [],
  operations: {},
};

function recorded(history: History, changes: Partial<Recorded> = {}): Recorded {
  return {
    hypothesis: hypothesis as NonNullable<typeof hypothesis>,
    slos: schedule.slos,
    history,
    loadStart: LOAD_START,
    phases: { baseline: BASELINE, fault: FAULT, recovery: RECOVERY },
    event,
    pools: [],
    load,
    stoppedBy: null,
    ...changes,
  };
}

describe("result", () => {
  test("held: slower, but inside the bound of a fault", () => {
    const verdict = judge(
      recorded(historyOf((s, op) => (op === "POST /orders" && within(s, FAULT) ? { ms: 300 } : {}))),
    );
    expect(verdict.result).toBe("held");
    expect(verdict.blast_radius_endpoints).toEqual([]);
    expect(verdict.baseline_p99).toBeCloseTo(50, 0);
    expect(verdict.fault_p99 ?? 0).toBeGreaterThan(299);
    expect(verdict.fault_err_rate).toBe(0);
    expect(verdict.backend).toBe("nfqueue");
    // Out of the steady bound during the fault and back in the first whole second after it.
    expect(verdict.mttr_s).toBeCloseTo(0.2, 1);
  });

  test("degraded: the write path left its SLO and came back, reads did not notice", () => {
    const shape = (s: number, op: Operation): Second =>
      op === "POST /orders" && within(s, [27, 63]) ? { failed: 20 } : {};
    const verdict = judge(recorded(historyOf(shape)));
    expect(verdict.result).toBe("degraded");
    expect(verdict.blast_radius_endpoints).toEqual(["POST /orders"]);
    expect(verdict.fault_err_rate).toBeCloseTo(0.2, 9);
    expect(verdict.fault_p99).toBe(TIMEOUT_MS);
    expect(verdict.mttr_s).toBeCloseTo(63 - 56.8, 1);
  });

  test("failed: a fault on the write side reached the readers", () => {
    const shape = (s: number, op: Operation): Second =>
      op !== "POST /orders" && within(s, FAULT) ? { failed: 1 } : {};
    const verdict = judge(recorded(historyOf(shape)));
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons.join()).toContain("read path left its SLO");
    expect(verdict.blast_radius_endpoints).toEqual(["GET /orders/{id}"]);
  });

  test("failed: it never recovered", () => {
    const shape = (s: number, op: Operation): Second =>
      op === "POST /orders" && s >= FAULT[0] ? { failed: 20 } : {};
    const verdict = judge(recorded(historyOf(shape)));
    expect(verdict.result).toBe("failed");
    expect(verdict.mttr_s).toBeNull();
    expect(verdict.reasons.join()).toContain("did not come back");
  });

  test("failed: it recovered and broke again before the watch ended", () => {
    const shape = (s: number, op: Operation): Second =>
      op === "POST /orders" && (within(s, FAULT) || s >= RECOVERY[1] - 10) ? { failed: 20 } : {};
    expect(judge(recorded(historyOf(shape))).result).toBe("failed");
  });

  test("failed: a caller's pool was exhausted, even though every request was still answered in time", () => {
    const pools: PoolSample[] = [];
    for (let s = 30; s < 40; s++) {
      pools.push({
        t: LOAD_START + s * 1000,
        node: "orders-1",
        pool: "workers",
        size: 16,
        in_use: 16,
        waiting: 3,
      });
    }
    const verdict = judge(
      recorded(
        historyOf(() => ({})),
        { pools },
      ),
    );
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons.join()).toContain("pool workers of orders-1 was exhausted for 9 s");
  });
});

describe("inconclusive, never held", () => {
  const quiet = historyOf(() => ({}));
  test("when the baseline was not steady", () => {
    const history = historyOf((s) => (within(s, BASELINE) ? { failed: 1 } : {}));
    const verdict = judge(
      recorded(history, { event: null, phases: { baseline: BASELINE, fault: null, recovery: null } }),
    );
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons[0]).toContain("baseline was not steady");
  });

  test("when nothing shows that the fault landed", () => {
    const evidence = { landed: false, detail: "no packet passed", measures: { packets: 0 } };
    const verdict = judge(recorded(quiet, { event: { ...event, evidence } }));
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("no packet passed");
    expect(judge(recorded(quiet, { event: { ...event, evidence: null } })).result).toBe("inconclusive");
  });

  test("when the load generator fell behind", () => {
    const saturated = { ...load, generator_saturated: true, slip: { ...latency, p99_ms: 900 } };
    const verdict = judge(recorded(quiet, { load: saturated }));
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("fell behind");
  });

  test("the same run without doubt is held", () => {
    expect(judge(recorded(quiet)).result).toBe("held");
    expect(judge(recorded(quiet)).mttr_s).toBe(0);
  });
});

test("recovery needs the SLIs to stay back, not to touch their bound once", () => {
  const shape = (s: number, op: Operation): Second =>
    op === "POST /orders" && (within(s, FAULT) || [57, 58, 61, 65].includes(s)) ? { failed: 50 } : {};
  const history = historyOf(shape);
  const bounds = boundsOf(hypothesis as NonNullable<typeof hypothesis>, schedule.slos);
  expect(recoveredAt(history, bounds, ...RECOVERY)).toBe(66);
});

test("the hypothesis's own bounds override the schedule's for its SLI", () => {
  const strict = { ...(hypothesis as NonNullable<typeof hypothesis>), slo_threshold: "< 100 ms" };
  const history = historyOf((s, op) => (op === "POST /orders" && within(s, FAULT) ? { ms: 300 } : {}));
  expect(judge(recorded(history, { hypothesis: strict })).result).toBe("degraded");
});

test("a stop condition that ended the fault is in the reasons", () => {
  const history = historyOf((s, op) => (op === "POST /orders" && within(s, FAULT) ? { failed: 20 } : {}));
  const verdict = judge(recorded(history, { stoppedBy: { sli: "read_error_rate", after_s: 9.5 } }));
  expect(verdict.stopped_by).toEqual({ sli: "read_error_rate", after_s: 9.5 });
  expect(verdict.reasons.join()).toContain("ended the fault after 9.5 s");
});
