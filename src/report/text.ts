/** Numbers and rows shared by the terminal's and the Markdown report's tables. @module */
import { SLIS, showSli } from "../model/sli.ts";
import type { Result, SliOutcome, Verdict } from "../model/verdict.ts";

export const RESULT_COLOUR: Readonly<Record<Result, "green" | "yellow" | "red">> = {
  held: "green",
  degraded: "yellow",
  inconclusive: "yellow",
  failed: "red",
};

export const ms = (value: number | null): string => showSli(value, "ms");
export const seconds = (value: number | null): string => (value === null ? "not seen" : `${value} s`);

function bound({ comparison, value }: SliOutcome["steady_bound"], unit: SliOutcome["unit"]): string {
  // Bounds are round numbers: drop what formatting adds.
  const shown = unit === "ms" ? `${value} ms` : `${Number((value * 100).toFixed(3))} %`;
  return `${comparison} ${shown}`;
}

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
    ms(verdict.baseline_p99),
    ms(verdict.fault_p99),
    showSli(verdict.fault_err_rate, "share"),
    verdict.blast_radius_endpoints.join(", ") || "none",
    seconds(verdict.mttr_s),
    verdict.backend ?? "none",
  ];
}

export const SLI_HEADING = ["SLI", "endpoint", "baseline", "bound", "in fault", "bound", "after recovery"];

/** One row per SLI; values out of their bound are marked with an exclamation mark, not by colour alone. */
export function sliRow(outcome: SliOutcome): string[] {
  const mark = (value: number | null, ok: boolean): string =>
    `${showSli(value, outcome.unit)}${ok ? "" : " !"}`;
  return [
    outcome.sli,
    SLIS[outcome.sli].operation,
    mark(outcome.baseline, outcome.baseline_in_bound),
    bound(outcome.steady_bound, outcome.unit),
    mark(outcome.fault, outcome.fault_in_bound),
    bound(outcome.fault_bound, outcome.unit),
    showSli(outcome.recovered, outcome.unit),
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
