import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { faultsOf } from "../model/schedule.ts";
import { loadSchedule, parseSchedule } from "./schedule-file.ts";

const CASCADE = readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8");

/** The one line that a wrong schedule is refused with. */
function refusal(source: string): string {
  try {
    parseSchedule(source, "s.yaml");
  } catch (error) {
    if (!(error instanceof ChaoslabError)) throw error;
    expect(error.exitCode).toBe(ExitCode.badConfig);
    expect(error.oneLine).not.toContain("\n");
    return error.oneLine;
  }
  throw new Error("the schedule was accepted");
}

/** The cascade schedule with one piece of text replaced, and the line that piece stands on. */
function broken(from: string, to: string): { source: string; line: number } {
  expect(CASCADE).toContain(from);
  return {
    source: CASCADE.replace(from, to).replace(/type: latency(?=\n.*\n.*drain:)/, "type: restart"),
    line: CASCADE.slice(0, CASCADE.indexOf(from)).split("\n").length,
  };
}

test("every committed schedule is accepted", () => {
  const folder = new URL("../../schedules/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  expect(files).toContain("cascade.yaml");
  for (const file of files)
    expect(loadSchedule(fileURLToPath(new URL(file, folder)), 100).schedule.name).toBeString();
});

test.each([
  ["a wrong type", "rate: 500", "rate: fast", "load.rate", '"fast"'],
  ["a number out of range", "reads: 0.8", "reads: 1.8", "load.reads", "less or equal to 1"],
  ["an unknown field", "tenants: 20", "tenats: 20", "load.tenats", "unknown field"],
  ["an unknown fault type", "type: latency", "type: latencies", "hypotheses.0.fault.type", "latency"],
  ["an unknown SLI", "sli: write_p99", "sli: write_p98", "hypotheses.0.sli", "one of write_error_rate"],
  [
    "a bound in the wrong unit",
    '"< 1 s"\n    fault',
    '"< 1 %"\n    fault',
    "hypotheses.0.slo_threshold",
    "< 250 ms",
  ],
  [
    "an SLO without its comparison",
    '">= 99.9 %", fault',
    '"99.9 %", fault',
    "slos.read_availability.steady",
    "not a bound",
  ],
  [
    "jitter above the delay",
    "jitter_ms: 20",
    "jitter_ms: 300",
    "hypotheses.0.fault.params.jitter_ms",
    "more than delay_ms",
  ],
  [
    "a negative delay",
    "delay_ms: 200",
    "delay_ms: -1",
    "hypotheses.0.fault.params.delay_ms",
    "greater than 0",
  ],
  [
    "a roll that comes back to its first node",
    "params: { delay_ms: 200, jitter_ms: 20 }\n    window_s: 120",
    "params: { drain: true, then: [orders-1, payments] }\n    window_s: 120",
    "hypotheses.0.fault.params.then",
    "payments is the first one already",
  ],
])("%s is refused by line and field", (_, from, to, field, says) => {
  const { source, line } = broken(from, to);
  const message = refusal(source);
  expect(message).toContain(field);
  expect(message).toContain(says);
  // The position is of the field's name, on the line of the mistake.
  const at = /^s\.yaml:(\d+):\d+: /.exec(message);
  expect(Number(at?.[1])).toBeGreaterThanOrEqual(line);
  expect(Number(at?.[1])).toBeLessThanOrEqual(line + from.split("\n").length);
});

const HYPOTHESES = CASCADE.slice(CASCADE.indexOf("hypotheses:"));

/** The cascade schedule with lines put before its hypotheses, and its hypotheses changed. */
const extended = (lines: string, change: (hypotheses: string) => string = (same) => same): string =>
  CASCADE.replace(HYPOTHESES, `${lines}\n${change(HYPOTHESES)}`);
const FAULT = / {4}fault: &slow-payments\n(.*\n){3}/;

test.each([
  ["an SLI of two sources", "slis: { a: { metric: up, query: up } }", "slis.a.query", "one source"],
  ["an SLI of none", "slis: { a: { unit: ms } }", "slis.a", "needs one of measure"],
  ["a built-in SLI", "slis: { read_p99: { metric: up } }", "slis.read_p99", "built in"],
  [
    "a field of another source",
    "slis: { a: { measure: p99, across: sum } }",
    "slis.a.across",
    "operation, measure",
  ],
  ["a selector that is none", "slis: { a: { metric: 'up{' } }", "slis.a.metric", "column"],
  ["a query without a server", "slis: { a: { query: up } }", "slis.a.query", "needs prometheus"],
  ["gauges divided", "slis: { a: { metric: a, per: b, value: gauge } }", "slis.a.value", "rates"],
  [
    "a budget that is no share",
    "error_budget: { window_days: 30, max_spend: 5 }",
    "error_budget.max_spend",
    "5 %",
  ],
  [
    "a mitigation that is none",
    "lab: { mitigations: [timeouts] }",
    "lab.mitigations",
    "all, none, or a list of",
  ],
  [
    "a stop condition on no SLI",
    "stop_conditions: [{ sli: read_p98, threshold: '> 1 %', for_s: 5 }]",
    "stop_conditions.0.sli",
    "did you mean read_p99?",
  ],
])("%s is refused by its field", (_, lines, field, says) => {
  const message = refusal(extended(lines));
  expect(message).toMatch(/^s\.yaml:\d+:\d+: /);
  expect(message).toContain(`${field}: `);
  expect(message).toContain(says);
});

test("a window of its own is not accepted in the full profile", () => {
  const source = CASCADE.replace("full: { warmup_s: 10,", "full: { window_s: 5, warmup_s: 10,");
  expect(refusal(source)).toContain("profiles.full.window_s");
});

test("a hypothesis has one fault or several, in its window", () => {
  const several = (faults: string) =>
    extended("", (text) =>
      text
        .replace(FAULT, `    faults: ${faults}\n`)
        .replace("*slow-payments", "{ type: kill, target: redis, params: {} }"),
    );
  const kill = "type: kill, target: orders-1, params: {}";
  const other = "type: kill, target: orders-2, params: {}";
  const schedule = parseSchedule(several(`[{ ${kill} }, { ${other}, at_s: 30, for_s: 10 }]`), "s.yaml");
  const [hypothesis] = schedule.hypotheses;
  if (!hypothesis) throw new Error("no hypothesis");
  expect(faultsOf(hypothesis, 120).map(({ at_s, for_s }) => [at_s, for_s])).toEqual([
    [0, 120],
    [30, 10],
  ]);
  // In a shorter window, what would begin after its end is left out, and the rest is cut.
  expect(faultsOf(hypothesis, 35).map(({ at_s, for_s }) => [at_s, for_s])).toEqual([
    [0, 35],
    [30, 5],
  ]);
  expect(faultsOf(hypothesis, 20)).toHaveLength(1);
  expect(refusal(several(`[{ ${kill} }, { ${kill}, at_s: 30 }]`))).toContain(
    "faults.1: acts on the same as faults.0",
  );
  const inTurn = several(`[{ ${kill}, for_s: 30 }, { ${kill}, at_s: 30 }]`);
  expect(parseSchedule(inTurn, "s.yaml").hypotheses).toHaveLength(2);
  expect(refusal(several(`[{ ${kill}, at_s: 120 }]`))).toContain("not before the window's end at 120 s");
  expect(refusal(several(`[{ ${kill} }]\n    fault: { ${kill} }`))).toContain("not both");
});

test("declared SLIs are resolved, with what goes without saying", () => {
  const lines = `slis:
  fast: { operation: POST /orders, measure: p50 }
  queue: { metric: 'chaoslab_pool_waiting{pool="workers"}' }
  retries: { metric: a_total, per: b_total }`;
  const { slis } = parseSchedule(extended(lines), "s.yaml");
  expect(slis.fast).toEqual({ source: "load", operation: "POST /orders", measure: "p50", unit: "ms" });
  expect(slis.queue).toMatchObject({
    source: "metrics",
    value: "gauge",
    across: "sum",
    over: "max",
    unit: "count",
  });
  expect(slis.retries).toMatchObject({ value: "rate", per: "b_total", unit: "share" });
  expect(slis.write_p99).toBeDefined();
});

test("a missing field is refused at its parent", () => {
  expect(refusal(broken("seed: 1\n", "").source)).toContain("seed: is missing");
});

test("broken YAML is refused by position", () => {
  expect(refusal('name: "cascade\nseed: 1\n')).toMatch(/^s\.yaml:\d+:\d+: /);
});

test("a name used twice is refused at its second use", () => {
  expect(refusal(CASCADE.replace("payments-200ms-mitigated", "payments-200ms-bare"))).toContain(
    "hypotheses.1.name: payments-200ms-bare is used twice",
  );
});

test.each(["", "42", "- a\n- b", "null"])("%p is not a schedule", (source) => {
  expect(refusal(source)).toMatch(/^s\.yaml:1:1: /);
});
