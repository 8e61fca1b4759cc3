import { expect, test } from "bun:test";
import { loadSli } from "../../model/sli.ts";
import { promqlOf } from "./promql.ts";
import { alertRules, DEFAULT_WATCH, recordingRules } from "./rules.ts";

test("every SLI becomes a series in Prometheus' own units", () => {
  const [slis] = recordingRules(DEFAULT_WATCH.slis).groups;
  expect(slis?.rules.map(({ record }) => record)).toEqual([
    "sli:write_error_rate:ratio",
    "sli:write_p99:seconds",
    "sli:write_degraded_rate:ratio",
    "sli:read_availability:ratio",
    "sli:read_error_rate:ratio",
    "sli:read_p99:seconds",
  ]);
});

test("alerts hold while a bound does not, in seconds and shares of 1", () => {
  const { slis, slos, stops } = DEFAULT_WATCH;
  const rules = alertRules(slis, slos, stops).groups.flatMap((group) => group.rules);
  const of = (alert: string) =>
    rules.filter((rule) => rule.alert === alert).map(({ expr, for: held }) => [expr, held]);
  expect(of("SloOutOfBound")).toEqual([
    ["sli:write_error_rate:ratio >= 0.001", "10s"],
    ["sli:write_p99:seconds >= 0.25", "10s"],
    ["sli:read_availability:ratio < 0.999", "10s"],
  ]);
  expect(of("StopCondition")).toEqual([["sli:read_error_rate:ratio > 0.01", "5s"]]);
});

test("a share of requests of a kind that there was none of is 0, not nothing", () => {
  const query = promqlOf(loadSli("POST /orders", "error_rate"), "5s");
  expect(query).toBe(
    '(sum(rate(chaoslab_http_requests_total{node="api",route="/orders",method="POST",status=~"5.."}[5s])) or vector(0))' +
      ' / sum(rate(chaoslab_http_requests_total{node="api",route="/orders",method="POST"}[5s]))',
  );
});

test("a bound that is none in the SLI's unit is refused", () =>
  expect(() =>
    alertRules(DEFAULT_WATCH.slis, { write_p99: { steady: "< 5 %", fault: "< 1 s" } }, []),
  ).toThrow(RangeError));
