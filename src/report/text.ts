/** Numbers and rows shared by the terminal's and the Markdown report's tables. @module */
import { SLIS, showBound, showSli } from "../model/sli.ts";
import type { Result, SliOutcome, Verdict } from "../model/verdict.ts";

export const RESULT_COLOUR: Readonly<Record<Result, "green" | "yellow" | "red">> = {
  held: "green",
  degraded: "yellow",
  inconclusive: "yellow",
  failed: "red",
};

export const seconds = (value: number | null): string => (value === null ? "not seen" : `${value} s`);

export const VERDICT_HEADING = [
  "hypothesis",
  "result",
  "p99 before",
  "p99 in fault",
  "errors in fault",
  "blast radius",
  "MTTR",
  "backend",
];

export function verdictRow(verdict: Verdict): string[] {
  return [
    verdict.hypothesis,
    verdict.result,
    showSli(verdict.baseline_p99, "ms", verdict.load.timeout_ms),
    showSli(verdict.fault_p99, "ms", verdict.load.timeout_ms),
    showSli(verdict.fault_err_rate, "share"),
    verdict.blast_radius_endpoints.join(", ") || "none",
    seconds(verdict.mttr_s),
    verdict.backend ?? "none",
  ];
}

export const SLI_HEADING = ["SLI", "endpoint", "baseline", "bound", "in fault", "bound", "after recovery"];

export function sliRows(verdict: Verdict): string[][] {
  return verdict.slis.map((outcome) => sliRow(outcome, verdict.load.timeout_ms));
}

/** One row per SLI; values out of their bound are marked with an exclamation mark, not by colour alone. */
function sliRow(outcome: SliOutcome, timeoutMs: number): string[] {
  const mark = (value: number | null, ok: boolean): string =>
    `${showSli(value, outcome.unit, timeoutMs)}${ok ? "" : " !"}`;
  return [
    outcome.sli,
    SLIS[outcome.sli].operation,
    mark(outcome.baseline, outcome.baseline_in_bound),
    showBound(outcome.steady_bound, outcome.unit),
    mark(outcome.fault, outcome.fault_in_bound),
    showBound(outcome.fault_bound, outcome.unit),
    showSli(outcome.recovered, outcome.unit, timeoutMs),
  ];
}

export const POOL_HEADING = ["pool", "size", "peak before", "peak in fault", "waiting in fault", "exhausted"];

export function poolRows(verdict: Verdict): string[][] {
  return verdict.pools.map((pool) => [
    `${pool.node} ${pool.pool}`,
    String(pool.size),
    String(pool.baseline_peak_in_use),
    String(pool.fault_peak_in_use),
    String(pool.fault_peak_waiting),
    pool.exhausted_s > 0 ? `${pool.exhausted_s} s` : "no",
  ]);
}
