import { describe, expect, test } from "bun:test";
import type { Hypothesis, Schedule } from "../model/schedule.ts";
import { loadSli } from "../model/sli.ts";
import { recoveredAt } from "./bounds.ts";
import {
  cascade,
  faultEvent,
  LOAD_START,
  PHASES,
  payments200ms,
  type Shape,
  type Synthetic,
  scrape,
  summary,
  trial,
  within,
} from "./synthetic.ts";
import { judge } from "./verdict.ts";

const verdictOf = (synthetic: Synthetic = {}) => judge(trial(synthetic));

const writes =
  (behaviour: (second: number) => ReturnType<Shape>): Shape =>
  (second, operation) =>
    operation === "POST /orders" ? behaviour(second) : {};
const inFault = (second: number): boolean => within(second, PHASES.fault);

describe("result", () => {
  test("held: slower, but inside the bound of a fault", () => {
    const verdict = verdictOf({ shape: writes((s) => (inFault(s) ? { ms: 300 } : {})) });
    expect(verdict.result).toBe("held");
    expect(verdict.reasons).toHaveLength(1);
    expect(verdict.blast_radius_endpoints).toEqual([]);
    expect(verdict.blast_radius_tenants).toBe(0);
    expect(verdict.baseline_p99).toBeCloseTo(50, 0);
    expect(verdict.fault_p99 ?? 0).toBeGreaterThan(299);
    expect(verdict.fault_err_rate).toBe(0);
    expect(verdict.backend).toBe("nfqueue");
    // Out of the steady bound during the fault and back in the first whole second after it.
    expect(verdict.mttr_s).toBeCloseTo(0.2, 1);
  });

  test("degraded: the write path left its SLO and came back, reads did not notice", () => {
    const verdict = verdictOf({ shape: writes((s) => (within(s, [27, 63]) ? { failed: 20 } : {})) });
    expect(verdict.result).toBe("degraded");
    expect(verdict.blast_radius_endpoints).toEqual(["POST /orders"]);
    expect(verdict.fault_err_rate).toBeCloseTo(0.2, 9);
    expect(verdict.fault_p99).toBe(5_000);
    expect(verdict.mttr_s).toBeCloseTo(63 - 56.8, 1);
    expect(verdict.reasons.at(-1)).toContain("every SLI was back 6.2 s after");
  });

  const readers: Shape = (s, operation) => (operation !== "POST /orders" && inFault(s) ? { failed: 1 } : {});
  test("failed: a reader cut off by a fault on the write side", () => {
    const verdict = verdictOf({ shape: readers });
    expect(verdict.result).toBe("failed");
    expect(verdict.findings[0]?.check).toBe("cascade");
    expect(verdict.reasons.join()).toContain("cascade: GET /orders/{id} left its SLO");
    expect(verdict.blast_radius_endpoints).toEqual(["GET /orders/{id}"]);
  });

  test("not a cascade where the hypothesis has reads in its fault's blast radius", () => {
    const hypothesis: Hypothesis = { ...payments200ms, blast_radius: ["GET /orders/{id}"] };
    expect(verdictOf({ shape: readers, hypothesis }).result).toBe("degraded");
  });

  test("failed: it never recovered", () => {
    const verdict = verdictOf({ shape: writes((s) => (s >= PHASES.fault[0] ? { failed: 20 } : {})) });
    expect(verdict.result).toBe("failed");
    expect(verdict.mttr_s).toBeNull();
    expect(verdict.reasons.join()).toContain("did not come back");
  });

  test("failed: it recovered and broke again before the watch ended", () => {
    const late = PHASES.recovery[1] - 10;
    const shape = writes((s) => (inFault(s) || s >= late ? { failed: 20 } : {}));
    expect(verdictOf({ shape }).result).toBe("failed");
  });

  test("failed: a caller's pool was exhausted, even though every request was still answered in time", () => {
    const gauge = (name: string): string => `chaoslab_pool_${name}{pool="workers"}`;
    const busy = { [gauge("size")]: 16, [gauge("in_use")]: 16, [gauge("waiting")]: 3 };
    // What does not change is not written again.
    const more = Array.from({ length: 10 }, (_, i) => scrape(30 + i, "orders-1", i === 0 ? busy : {}));
    const verdict = verdictOf({ more });
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons.join()).toContain("pool workers of orders-1 was exhausted for 9 s");
  });

  test("failed: a node that is not ready once it is over", () => {
    const nodes = [{ name: "orders-1", state: "starting", restarts: 3 }];
    const verdict = verdictOf({ more: [{ kind: "nodes", t: LOAD_START, nodes }] });
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons[0]).toContain("orders-1 is starting");
  });
});

describe("inconclusive, never held:", () => {
  test("the baseline was not steady", () => {
    const verdict = verdictOf({
      shape: (s) => (within(s, PHASES.baseline) ? { failed: 1 } : {}),
      events: [],
      phases: { fault: null, recovery: null },
    });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons[0]).toContain("baseline was not steady");
  });

  test("the baseline held, but was on its way out of its bound", () => {
    const shape = writes((s) => ({ ms: s < PHASES.fault[0] ? 50 + (s - 5) * 6 : 50 }));
    const verdict = verdictOf({ shape });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.findings.map(({ check }) => check)).toEqual(["baseline_stationary"]);
    expect(verdict.reasons[0]).toContain("write_p99");
  });

  test("nothing shows that the fault landed", () => {
    const evidence = { landed: false, detail: "no packet passed", measures: { packets: 0 } };
    const verdict = verdictOf({ events: [{ ...faultEvent, evidence }] });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("no packet passed");
    expect(verdictOf({ events: [{ ...faultEvent, evidence: null }] }).result).toBe("inconclusive");
    expect(verdictOf({ events: [] }).reasons).toEqual(["the fault was never injected"]);
  });

  test("one of two faults did not come into force", () => {
    const fault = { type: "latency", target: "payments", params: { delay_ms: 1 } } as const;
    const { fault: _, ...rest } = payments200ms;
    const verdict = verdictOf({ hypothesis: { ...rest, faults: [fault, { ...fault, target: "catalog" }] } });
    expect(verdict.reasons).toEqual(["only 1 of 2 faults were injected"]);
  });

  test("the fault is still there after its revert", () => {
    const verdict = verdictOf({ events: [{ ...faultEvent, gone: false, remains: "qdisc netem 8001:" }] });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons[0]).toContain("still there: qdisc netem 8001:");
  });

  test("the load generator fell behind, whatever the SLIs look like", () => {
    const load = { ...summary, generator_saturated: true, slip: { ...summary.slip, p99_ms: 900 } };
    const verdict = verdictOf({ load, shape: (s) => (inFault(s) ? { ms: 3_000 } : {}) });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.findings.map(({ check }) => check)).toEqual(["generator"]);
    expect(verdict.reasons.join()).toContain("fell behind");
  });

  test("the run was stopped, or cut off", () => {
    expect(verdictOf({ load: null }).reasons).toEqual(["the run was cut off before its end"]);
    const stopped = { by: "signal", sli: null, condition: "SIGINT", breach_from_s: null } as const;
    const verdict = verdictOf({ more: [{ kind: "stopped", ...stopped, after_s: 4, reverted_s: 4.1 }] });
    expect(verdict.reasons).toEqual(["stopped by SIGINT after 4 s of the fault"]);
  });

  test("the same run without doubt is held", () => {
    expect(verdictOf().result).toBe("held");
    expect(verdictOf().mttr_s).toBe(0);
  });
});

test("recovery needs the SLIs to stay back, not to touch their bound once", () => {
  const shape = writes((s) => (inFault(s) || [57, 58, 61, 65].includes(s) ? { failed: 50 } : {}));
  const { measurements, bounds } = trial({ shape });
  expect(recoveredAt(measurements, bounds, ...PHASES.recovery)).toBe(66);
});

test("the hypothesis's own bounds override the schedule's for its SLI", () => {
  const hypothesis = { ...payments200ms, slo_threshold: "< 100 ms" };
  const shape = writes((s) => (inFault(s) ? { ms: 300 } : {}));
  expect(verdictOf({ hypothesis, shape }).result).toBe("degraded");
});

test("what was expected is compared with what came out", () => {
  const expecting = (expect: NonNullable<Hypothesis["expect"]>) =>
    verdictOf({ hypothesis: { ...payments200ms, expect } });
  expect(expecting("held").as_expected).toBeTrue();
  expect(expecting(["degraded", "failed"]).as_expected).toBeFalse();
  expect(verdictOf().as_expected).toBeNull();
});

test("a stop condition that ended the fault is told, with the time from the breach to the revert", () => {
  const shape = writes((s) => (inFault(s) ? { failed: 20 } : {}));
  const stopped = {
    by: "stop_condition",
    sli: "read_error_rate",
    condition: "read_error_rate > 1 % for 5 s",
  } as const;
  const record = { kind: "stopped", ...stopped, breach_from_s: 4, after_s: 9.5, reverted_s: 9.6 } as const;
  const verdict = verdictOf({ shape, more: [record, { kind: "revert", t: LOAD_START + 56_750 }] });
  expect(verdict.stopped_by).toMatchObject({ by: "stop_condition", after_s: 9.5, breach_from_s: 4 });
  expect(verdict.reasons.join()).toContain("(read_error_rate > 1 % for 5 s) ended the fault after 9.5 s");
  expect(verdict.mttr).toEqual({ detect_s: 9.5, revert_s: 0.05, recover_s: verdict.mttr_s });
});

test("MTTR: what is out of its bound is detected when its first bad second is over", () => {
  const verdict = verdictOf({ shape: writes((s) => (within(s, [30, 57]) ? { failed: 20 } : {})) });
  expect(verdict.mttr.detect_s).toBe(30 - PHASES.fault[0] + 1);
  expect(verdict.slis.find(({ sli }) => sli === "write_error_rate")?.out_of_slo_s).toBe(27);
});

test("the blast radius names the tenants that were hit, and the worst", () => {
  const shape: Shape = (s, operation, tenant) =>
    operation === "POST /orders" && inFault(s) && tenant < 2 ? { failed: 10 * (tenant + 1) } : {};
  const verdict = verdictOf({ shape, tenants: 8 });
  expect(verdict.blast_radius_tenants).toBe(0.25);
  const errors = verdict.blast_radius.find(({ sli }) => sli === "write_error_rate");
  expect(errors).toMatchObject({ tenants: 8, tenants_out: 2, share: 0.25, worst_tenant: "tenant-02" });
  expect(errors?.worst_value).toBeCloseTo(0.2, 9);
});

test("the error budget counts what missed the objective, from the fault to the end", () => {
  const shape = writes((s) => (within(s, [27, 37]) ? { failed: 20 } : {}));
  const verdict = verdictOf({ shape });
  const budget = verdict.error_budgets.find(({ sli }) => sli === "write_error_rate");
  // 0.1 % of 100 checkouts a second over 30 days.
  expect(budget).toMatchObject({ bad: 200, allowed: 259_200 });
  expect(budget?.spent_share).toBeCloseTo(200 / 259_200, 9);
  // A request that is never answered is slower than any bound.
  expect(verdict.error_budgets.find(({ sli }) => sli === "write_p99")?.bad).toBe(200);
});

test("a shift is significant where there is one, and not where there is none", () => {
  const jitter = (s: number): number => 50 + ((s * 7919) % 13);
  const verdict = verdictOf({ shape: writes((s) => ({ ms: jitter(s) + (inFault(s) ? 100 : 0) })) });
  const of = (sli: string) => verdict.slis.find((each) => each.sli === sli)?.significance;
  expect(of("write_p99")?.p_value ?? 1).toBeLessThan(0.001);
  expect(of("write_p99")?.shift ?? 0).toBeCloseTo(100, -1);
  expect(of("read_p99")?.p_value ?? 0).toBeGreaterThan(0.05);
});

describe("server side", () => {
  const counters = (attempts: number, calls: number) => ({
    'chaoslab_dependency_attempts_total{dependency="payments"}': attempts,
    'chaoslab_dependency_calls_total{dependency="payments"}': calls,
  });

  test("retries multiply: attempts per call of an edge, and from the client to payments", () => {
    const more = [
      scrape(4, "orders-1", counters(1_000, 1_000)),
      scrape(24, "orders-1", counters(3_000, 3_000)),
      scrape(26.9, "orders-1", counters(3_300, 3_300)),
      scrape(56, "orders-1", counters(12_300, 6_300)),
    ];
    const { amplification } = verdictOf({ more });
    expect(amplification.find(({ edge }) => edge === "orders -> payments")).toMatchObject({
      baseline: 1,
      fault: 3,
    });
    // 9,000 attempts for 30 seconds of 100 checkouts.
    expect(amplification.find(({ edge }) => edge === "client -> payments")?.fault).toBe(3);
  });

  test("a node that was restarted counts from zero again", () => {
    const more = [
      scrape(26, "orders-1", counters(5_000, 5_000)),
      scrape(30, "orders-1", counters(5_100, 5_050)),
      scrape(40, "orders-1", counters(100, 50)),
    ];
    const { amplification } = verdictOf({ more });
    expect(amplification[0]).toMatchObject({ edge: "orders -> payments", fault: 2 });
  });

  test("breakers and limiters: time in each state, least limit, what was shed", () => {
    const state = (value: number) => ({ 'chaoslab_breaker_state{dependency="payments"}': value });
    const limit = (value: number, shed: number) => ({
      'chaoslab_limit{limiter="requests"}': value,
      'chaoslab_limit_in_flight{limiter="requests"}': value / 2,
      'chaoslab_shed_total{limiter="requests",priority="write"}': shed,
    });
    const more = [
      scrape(20, "orders-1", { ...state(0), ...limit(40, 0) }),
      ...Array.from({ length: 30 }, (_, i) =>
        scrape(27 + i, "orders-1", {
          ...state(i < 3 ? 0 : i < 28 ? 2 : 1),
          ...(i < 13 ? {} : limit(12, 70)),
        }),
      ),
      scrape(60, "orders-1", state(0)),
    ];
    const { breakers, limiters } = verdictOf({ more });
    expect(breakers).toEqual([
      {
        ...{ node: "orders-1", dependency: "payments", closed_s: 3, open_s: 25, half_open_s: 2 },
        ...{ opened_after_s: 3, closed_at_end: true },
      },
    ]);
    expect(limiters[0]).toMatchObject({
      limiter: "requests",
      baseline_limit: 40,
      fault_min_limit: 12,
      shed: 70,
    });
  });

  test("an SLI of the servers' metrics is judged like any other", () => {
    const slis = {
      ...cascade.slis,
      queue: {
        source: "metrics",
        metric: 'chaoslab_pool_waiting{pool="workers"}',
        value: "gauge",
        across: "sum",
        over: "max",
        unit: "count",
      },
      goodput: loadSli("GET /orders/{id}", "goodput"),
    } as const satisfies Schedule["slis"];
    const slos = {
      ...cascade.slos,
      queue: { steady: "< 1", fault: "< 5" },
      goodput: { steady: "> 90 rps", fault: "> 90 rps" },
    };
    const waiting = (s: number): number => (s === 40 ? 9 : 0);
    const more = Array.from({ length: 97 }, (_, s) =>
      scrape(s + 0.5, "orders-1", { 'chaoslab_pool_waiting{pool="workers"}': waiting(s) }),
    );
    const verdict = verdictOf({ schedule: { ...cascade, slis, slos }, more });
    expect(verdict.result).toBe("degraded");
    expect(verdict.slis.find(({ sli }) => sli === "queue")).toMatchObject({
      baseline: 0,
      fault: 9,
      endpoint: null,
    });
    expect(verdict.slis.find(({ sli }) => sli === "goodput")).toMatchObject({
      fault: 100,
      fault_in_bound: true,
    });
  });
});

describe("integrity", () => {
  const facts = {
    primary: [],
    replica: [],
    charges: [],
    read_at_ms: LOAD_START + 97_000,
    collected_at_ms: LOAD_START + 97_000,
    recovered_at_ms: LOAD_START + 56_800,
    pending_bound_s: 30,
    problems: [],
  };
  const orphan = {
    rowid: 7,
    key: "o-lost",
    order_id: "o-lost",
    tenant_id: "tenant-01",
    amount_cents: 100,
    created_at_ms: LOAD_START + 30_000,
  };

  test("money taken without an order is a failure that names it", () => {
    const verdict = verdictOf({ more: [{ kind: "integrity", facts: { ...facts, charges: [orphan] } }] });
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons[0]).toContain("charge_has_order");
    expect(verdict.reasons[0]).toContain("o-lost");
    expect(verdict.integrity?.violations).toBe(1);
  });

  test("it is so in an experiment that is otherwise inconclusive, too", () => {
    const load = { ...summary, generator_saturated: true };
    const verdict = verdictOf({
      load,
      more: [{ kind: "integrity", facts: { ...facts, charges: [orphan] } }],
    });
    expect(verdict.result).toBe("failed");
    expect(verdict.findings.map(({ check }) => check)).toEqual(["integrity", "generator"]);
  });

  test("what could not be read leaves it open", () => {
    const unread = { ...facts, charges: null, problems: ["ledger: connection refused"] };
    const verdict = verdictOf({ more: [{ kind: "integrity", facts: unread }] });
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons[0]).toContain("ledger: connection refused");
  });

  test("nothing wrong is held", () => {
    const verdict = verdictOf({ more: [{ kind: "integrity", facts }] });
    expect(verdict.result).toBe("held");
    expect(verdict.integrity?.violations).toBe(0);
  });
});
