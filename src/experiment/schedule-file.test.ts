import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { parseSchedule } from "./schedule-file.ts";

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
    expect(parseSchedule(readFileSync(new URL(file, folder), "utf8"), file).name).toBeString();
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

test("a missing field is refused at its parent", () => {
  expect(refusal(broken("seed: 1\n", "").source)).toContain("seed: is missing");
});

test("broken YAML is refused by position", () => {
  expect(refusal('name: "cascade\nseed: 1\n')).toMatch(/^s\.yaml:\d+:\d+: /);
});

test("a name used twice is refused at its second use", () => {
  const start = CASCADE.indexOf("  - name: payments-200ms");
  expect(refusal(CASCADE + CASCADE.slice(start))).toContain(
    "hypotheses.1.name: payments-200ms is used twice",
  );
});

test.each(["", "42", "- a\n- b", "null"])("%p is not a schedule", (source) => {
  expect(refusal(source)).toMatch(/^s\.yaml:1:1: /);
});
