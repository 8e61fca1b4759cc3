import { describe, expect, test } from "bun:test";
import type { StoredRun } from "../experiment/store.ts";
import { anySystem, cascade, PHASES, trial, within } from "../experiment/synthetic.ts";
import type { Trial } from "../experiment/trial.ts";
import { judge } from "../experiment/verdict.ts";
import type { LoadTick } from "../model/load.ts";
import { loadSli } from "../model/sli.ts";
import { promqlOf } from "../observe/prometheus/promql.ts";
import { alertRules, recordingRules } from "../observe/prometheus/rules.ts";
import { chart } from "./chart.ts";
import { chaosLog } from "./documents/chaos-log.ts";
import { entriesOf } from "./documents/entries.ts";
import { experimentDocument } from "./documents/experiment.ts";
import { findings } from "./documents/findings.ts";
import { steadyState } from "./documents/steady-state.ts";
import { overlayLatency } from "./html/charts/overlay-charts.ts";
import { curvesOf } from "./html/curves.ts";
import { drawingOf } from "./html/drawing.ts";
import { runReport } from "./html/pages.ts";
import { runDocument } from "./html/synthetic-run.ts";
import { tenantMatrix, tenantRows } from "./html/tenants.ts";
import { liveLine } from "./live.ts";
import { markdownReport } from "./markdown.ts";
import { secondRows, secondsCsv } from "./series.ts";

const NAMES = ["create order", "read order", "read product"];
const [slow] = anySystem.hypotheses;
const { scenario } = anySystem.load;
if (!slow || !scenario) throw new Error("no hypothesis, or no scenario");

const done = trial({
  schedule: anySystem,
  hypothesis: slow,
  tenants: 3,
  shape: (second, operation) =>
    operation === "read product" && within(second, PHASES.fault) ? { failed: 50 } : {},
});

/** The trial of a system with these operations. */
function trialOf(operations: readonly string[], shape: Parameters<typeof trial>[0] = {}): Trial {
  const load = { ...anySystem.load, scenario: { ...scenario, operations } } as typeof anySystem.load;
  return trial({ ...shape, schedule: { ...anySystem, load, slis: cascade.slis } });
}

/** A run of it, as it would have been read from its folder. */
function runOf(of: Trial): StoredRun {
  const { run } = runDocument([]);
  const document = { ...run.document, verdicts: [judge(of)], rate: 100 };
  return { ...run, document, schedule: of.schedule };
}

const tick = (failed: Readonly<Record<string, number>>): LoadTick => ({
  ...{ kind: "tick", tick: 1, due: 0, sent: 0, late: 0, in_flight: 3, slip_max_ms: 0, slip: [] },
  deltas: Object.entries(failed).map(([operation, n]) => ({
    ...{ second: 0, operation, tenant: 0, latency: [] },
    outcomes: { "2xx": 10, timeout: n },
  })),
});

describe("while it runs", () => {
  const progress = { hypothesis: "slow", phase: "fault", left_s: 21 } as const;
  test("the line has every operation of a load", () => {
    expect(liveLine({ ...progress, tick: tick({}) }, 5_000)).toBe(
      "slow: fault, 21 s left | 3 in flight | GET /orders/{id} p99 - | POST /orders p99 -",
    );
    expect(liveLine({ ...progress, tick: tick({ "read order": 2 }) }, 5_000, NAMES)).toBe(
      "slow: fault, 21 s left | 3 in flight | create order p99 - | read order p99 5000 ms, 2 failed | read product p99 -",
    );
  });

  test("of many operations the line has those that do worst", () => {
    const names = ["a", "b", "c", "d", "e"];
    expect(liveLine({ ...progress, tick: tick({ b: 1, d: 9, e: 4 }) }, 5_000, names)).toBe(
      "slow: fault, 21 s left | 3 in flight | d p99 5000 ms, 9 failed | e p99 5000 ms, 4 failed | b p99 5000 ms, 1 failed | 2 more",
    );
  });
});

describe("the record by the second", () => {
  test("has the load's operations, in their order", () => {
    const rows = secondRows(done.measurements);
    expect(rows.slice(0, 4).map(({ operation }) => operation)).toEqual([...NAMES, "create order"]);
    expect(rows).toHaveLength(NAMES.length * PHASES.recovery[1]);
  });

  test("a name with a comma or a quote is one field", () => {
    const row = { second: 0, requests: 1, failed: 0, p50_ms: 1, p99_ms: null };
    const text = secondsCsv([
      { ...row, operation: 'say "a", b' },
      { ...row, operation: "plain" },
    ]);
    expect(text.split("\n").slice(1, 3)).toEqual(['0,"say ""a"", b",1,0,1,', "0,plain,1,0,1,"]);
  });
});

describe("the picture", () => {
  const curves = (text: string): number => text.match(/<polyline/g)?.length ?? 0;
  test("has a curve for each operation", () => {
    const text = chart(done);
    expect(curves(text)).toBe(2 * NAMES.length);
    for (const name of NAMES) expect(text).toContain(`>${name}</text>`);
    expect(text).not.toContain("pools");
  });

  test("of more operations than colours it has the slowest, and says so; long names have rows of their own", () => {
    const names = Array.from({ length: 12 }, (_, i) => `GET /a/rather/long/name/of/number/${i}`);
    const text = chart(
      trialOf(names, { shape: (_, operation) => (operation === names[9] ? { ms: 900 } : {}) }),
    );
    expect(curves(text)).toBe(2 * 6);
    expect(text).toContain("6 worst of 12");
    expect(text).toContain(`>${names[9]}</text>`);
    const places = [...text.matchAll(/<text x="(\d+(?:\.\d+)?)" y="\d+(?:\.\d+)?" fill="#333"/g)].map(
      (match) => Number(match[1]),
    );
    expect(places.length).toBeGreaterThanOrEqual(12);
    // None begins left of the panels.
    expect(Math.min(...places)).toBeGreaterThan(64);
  });
});

describe("the page", () => {
  test("has curves of each operation, with its own bounds", () => {
    const { endpoints } = curvesOf(done, "slow");
    expect(endpoints.map(({ name }) => name)).toEqual(NAMES);
    expect(endpoints.map((each) => each.latency_bounds.length + each.availability_bounds.length)).toEqual([
      1, 1, 1,
    ]);
    const page = runReport(runOf(done), new Map([["slow", drawingOf(done, "slow")]]));
    for (const name of NAMES) expect(page).toContain(`${name}: latency from the intended send time`);
    expect(page).not.toContain("POST /orders");
    expect(page).not.toContain("Mitigations:");
    expect(page).not.toContain("integrity");
  });

  test("lays operations over each other by their names", () => {
    const mine = (s: number, operation: string) => (operation === "b" && s > 0 ? { ms: 400 } : {});
    const [before, after] = [
      ["a", "b"],
      ["b", "c"],
    ].map((names) => ({
      ...curvesOf(trialOf(names, { shape: mine }), names.join("")),
      mttr_s: null,
    }));
    if (!before || !after) throw new Error("no curves");
    const [first, second] = overlayLatency(before, after, 1).curves;
    expect(first?.values[40]).toBeCloseTo(400, -1);
    expect(second?.values[40]).toBeCloseTo(400, -1);
    // Only one of the two has an `a`.
    expect(overlayLatency(before, after, 0).curves[1]?.values[40]).toBeNull();
  });

  test("names tenants as the scenario does, and of very many shows those that felt it", () => {
    const tenants = ["a-customer-with-a-name", ...Array.from({ length: 149 }, (_, i) => `c${i + 1}`)];
    const schedule = { ...anySystem, load: { ...anySystem.load, scenario: { ...scenario, tenants } } };
    const rows = (count: number) =>
      tenantRows(
        trial({
          schedule: schedule as typeof anySystem,
          hypothesis: slow,
          tenants: count,
          shape: (second, operation, tenant) =>
            operation === "read product" && tenant % 40 === 0 && within(second, PHASES.fault)
              ? { failed: 50 }
              : {},
        }),
      );
    const few = tenantMatrix(rows(3), 5_000).text;
    expect(few).toContain('<abbr title="a-customer-with-a-name">a-custo…</abbr>');
    expect(few).toContain('<abbr title="c2">c2</abbr>');
    const many = tenantMatrix(rows(150), 5_000).text;
    expect(many).toContain("4 of 150 tenants were out of a bound");
    expect(many).toContain('<abbr title="c120">');
    expect(many).not.toContain('<abbr title="c1">');
  });
});

describe("the documents", () => {
  const run = runOf(done);
  const entries = entriesOf([run]);

  test("say nothing of orders, money or mitigations that nobody knows of", () => {
    const texts = [
      markdownReport(run.document, run.schedule),
      experimentDocument("E1", { title: "Slow" }, entries, {}),
      findings(entries, {}, {}),
      chaosLog(entries, {}),
    ];
    for (const text of texts) {
      expect(text).not.toContain("integrity");
      expect(text).not.toContain("money");
      expect(text).not.toContain("mitigations: ");
      expect(text).not.toContain("write");
    }
    expect(texts[0]).toContain("of scenario shop at 200/s offered");
    expect(texts[1]).toContain("Blast radius allowed: create order, read order, read product.");
    expect(texts[2]).toContain("| create_p99 50.");
  });

  test("say what the load is made of, and leave out queries that there are none of", () => {
    const text = steadyState(entries);
    expect(text).toContain(
      "Load: 100 requests/s, those of scenario shop (create order 20 %, read order 50 %, read product 30 %), 20 tenants;",
    );
    expect(text).not.toContain("PromQL");
    expect(steadyState(entriesOf([runDocument([{ name: "a" }]).run]))).toContain(
      "Load: 200 requests/s, 80 % of them reads, 20 tenants; a client gives up after 5 s.",
    );
  });
});

test("what only the client counts is no series, and no alert", () => {
  const { slis, slos } = anySystem;
  expect(promqlOf(loadSli("read order", "p99"), "5s")).toBeNull();
  expect(recordingRules(slis).groups[0]?.rules).toEqual([]);
  const { groups } = alertRules(slis, slos, [{ sli: "products", threshold: "< 99 %", for_s: 5 }]);
  expect(groups.slice(0, 2).flatMap(({ rules }) => rules)).toEqual([]);
});
