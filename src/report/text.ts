/** What a verdict says, as rows and lines: shared by the terminal's and the Markdown report. @module */

import type { Stability } from "../experiment/stability.ts";
import { trialName } from "../experiment/store.ts";
import { leftOf } from "../model/fault.ts";
import type { IntegrityReport, Invariant, InvariantState } from "../model/integrity.ts";
import { mitigationsText } from "../model/mitigations.ts";
import { showBound, showSli, type Unit } from "../model/sli.ts";
import type { Shift } from "../model/stats.ts";
import type { Amplification, BlastRadius, Result, SliOutcome, Verdict } from "../model/verdict.ts";

export const RESULT_COLOUR: Readonly<Record<Result, "green" | "yellow" | "red">> = {
  held: "green",
  degraded: "yellow",
  inconclusive: "yellow",
  failed: "red",
};

/** Rows under their heading. Columns whose name begins with `>` are numbers and stand to the right. */
export interface Table {
  title: string;
  heading: readonly string[];
  rows: string[][];
}

export const seconds = (value: number | null): string => (value === null ? "not seen" : `${value} s`);
const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;
const times = (value: number | null): string => (value === null ? "none" : `${value.toFixed(2)}x`);

export function verdictTable(verdicts: readonly Verdict[], repeats = 1): Table {
  return {
    title: "verdicts",
    heading: [
      "hypothesis",
      "result",
      ">p99 before",
      ">p99 in fault",
      ">errors in fault",
      "blast radius",
      ">MTTR",
      "backend",
    ],
    rows: verdicts.map((verdict) => [
      trialName(verdict.hypothesis, verdict.repeat, repeats),
      `${verdict.result}${verdict.as_expected === false ? " (unexpected)" : ""}`,
      showSli(verdict.baseline_p99, "ms", verdict.load.timeout_ms),
      showSli(verdict.fault_p99, "ms", verdict.load.timeout_ms),
      showSli(verdict.fault_err_rate, "share"),
      verdict.blast_radius_endpoints.join(", ") || "none",
      seconds(verdict.mttr_s),
      verdict.backend ?? "none",
    ]),
  };
}

/** The tables of one verdict; those without a row are left out. */
export function tablesOf(verdict: Verdict): Table[] {
  return [
    sliTable(verdict),
    blastTable(verdict),
    {
      title: "attempts per call",
      heading: ["edge", ">before", ">in fault"],
      rows: verdict.amplification
        .filter(isWorthARow)
        .map(({ edge, baseline, fault }) => [edge, times(baseline), times(fault)]),
    },
    {
      title: "pools",
      heading: ["pool", ">size", ">peak before", ">peak in fault", ">waiting in fault", ">exhausted"],
      rows: verdict.pools
        .filter((pool) => pool.fault_peak_in_use > 0)
        .map((pool) => [
          `${pool.node} ${pool.pool}`,
          String(pool.size),
          String(pool.baseline_peak_in_use),
          String(pool.fault_peak_in_use),
          String(pool.fault_peak_waiting),
          pool.exhausted_s > 0 ? `${pool.exhausted_s} s` : "no",
        ]),
    },
    {
      title: "breakers",
      heading: ["breaker", ">opened after", ">open", ">half open", "at the end"],
      rows: verdict.breakers
        .filter(({ opened_after_s, closed_at_end }) => opened_after_s !== null || !closed_at_end)
        .map((each) => [
          `${each.node} -> ${each.dependency}`,
          each.opened_after_s === null ? "never" : `${each.opened_after_s} s`,
          `${each.open_s} s`,
          `${each.half_open_s} s`,
          each.closed_at_end ? "closed" : "not closed",
        ]),
    },
    {
      title: "limiters",
      heading: ["limiter", ">limit before", ">least in fault", ">peak in flight", ">shed"],
      // One that let nothing in was switched off.
      rows: verdict.limiters
        .filter(({ fault_peak_in_flight }) => fault_peak_in_flight > 0)
        .map((each) => [
          `${each.node} ${each.limiter}`,
          each.baseline_limit === null ? "-" : each.baseline_limit.toFixed(0),
          each.fault_min_limit === null ? "-" : each.fault_min_limit.toFixed(0),
          String(each.fault_peak_in_flight),
          String(each.shed),
        ]),
    },
  ].filter(({ rows }) => rows.length > 0);
}

/** Calls to stores are hardly ever repeated: such an edge is shown only when there is something to see. */
export const isToStore = (edge: string): boolean => / -> (pg_|redis)/.test(edge);

export const isWorthARow = ({ edge, fault }: Amplification): boolean =>
  fault !== null && (!isToStore(edge) || fault >= 1.01);

/** Values out of their bound are marked with an exclamation mark, not by colour alone. */
function sliTable(verdict: Verdict): Table {
  const timeoutMs = verdict.load.timeout_ms;
  const mark = ({ unit }: SliOutcome, value: number | null, ok: boolean): string =>
    `${showSli(value, unit, timeoutMs)}${ok ? "" : " !"}`;
  return {
    title: "SLIs",
    heading: [
      "SLI",
      "endpoint",
      ">baseline",
      "bound",
      ">in fault",
      "bound",
      ">after recovery",
      ">out of SLO",
      "shift, 95 % interval",
    ],
    rows: verdict.slis.map((each) => [
      each.sli,
      each.endpoint ?? each.source,
      mark(each, each.baseline, each.baseline_in_bound),
      showBound(each.steady_bound, each.unit),
      mark(each, each.fault, each.fault_in_bound),
      showBound(each.fault_bound, each.unit),
      showSli(each.recovered, each.unit, timeoutMs),
      `${each.out_of_slo_s} s`,
      showShift(each.significance, each.unit),
    ]),
  };
}

/** `+212 ms (208 to 215)`: how far the seconds of the fault lie above those of the baseline; so said where p < 0.05. */
function showShift(significance: Shift | null, unit: Unit): string {
  if (significance === null) return "too short";
  const { p_value, shift, shift_low, shift_high } = significance;
  if (p_value >= 0.05) return "not significant";
  const [scale, name] = unit === "share" ? [100, "%"] : [1, unit === "count" ? "" : unit];
  // Without a bound on a side there were too few independent seconds for one.
  const show = (value: number | null): string =>
    value === null ? "?" : String(Number((value * scale).toPrecision(3)));
  return `${shift > 0 ? "+" : ""}${show(shift)}${name && ` ${name}`} (${show(shift_low)} to ${show(shift_high)})`;
}

function blastTable({ blast_radius, slis, load }: Verdict): Table {
  const unitOf = ({ sli }: BlastRadius): Unit => slis.find((each) => each.sli === sli)?.unit ?? "count";
  return {
    title: "blast radius",
    heading: ["SLI", "endpoint", ">tenants out", ">share", "worst tenant", ">its value"],
    rows: blast_radius.map((each) => [
      each.sli,
      each.endpoint,
      `${each.tenants_out} of ${each.tenants}`,
      percent(each.share),
      each.worst_tenant,
      showSli(each.worst_value, unitOf(each), load.timeout_ms),
    ]),
  };
}

/** False of a system that is not the lab's own: nobody knows what it runs with. */
export const isSystemKnown = ({ load, mitigations }: Verdict): boolean =>
  !load.scenario || mitigations.length > 0;

/** What else there is to say, each with its name. */
export function factsOf(verdict: Verdict): [name: string, text: string][] {
  const { fault_events, mttr, stopped_by, load, error_budgets, expected } = verdict;
  const facts: [string, string][] = [];
  if (isSystemKnown(verdict)) facts.push(["system", `mitigations: ${mitigationsText(verdict.mitigations)}`]);
  if (fault_events.length === 0) facts.push(["fault", "not injected"]);
  for (const event of fault_events) {
    facts.push(["fault", event.evidence?.detail ?? "no evidence"]);
    const left = leftOf(event);
    if (left) facts.push(["reverted", `but ${left}`]);
  }
  if (stopped_by) {
    const { breach_from_s, after_s, reverted_s, condition } = stopped_by;
    const took =
      breach_from_s === null
        ? ""
        : `, ${(reverted_s - breach_from_s).toFixed(1)} s from the breach to the revert`;
    facts.push(["stopped", `${condition}: after ${after_s} s, gone at ${reverted_s.toFixed(1)} s${took}`]);
  }
  if (fault_events.length > 0) {
    const parts = [
      mttr.detect_s === null ? "nothing to detect" : `detected after ${mttr.detect_s} s`,
      mttr.revert_s === null ? "revert not seen" : `reverted in ${mttr.revert_s} s`,
      mttr.recover_s === null ? "recovery not seen" : `back after ${mttr.recover_s} s`,
    ];
    facts.push(["MTTR", parts.join(", ")]);
    facts.push(["tenants", `${percent(verdict.blast_radius_tenants)} saw an SLI out of its bound`]);
  }
  const spent = error_budgets.filter(({ bad }) => bad > 0);
  if (spent.length > 0) {
    facts.push([
      "budget",
      spent.map(({ sli, bad, spent_share }) => `${sli} ${percent(spent_share)} (${bad} requests)`).join(", "),
    ]);
  }
  if (verdict.integrity) facts.push(["integrity", integrityLine(verdict.integrity)]);
  facts.push([
    "load",
    `${load.requests} requests${load.scenario ? ` of scenario ${load.scenario}` : ""} at ${load.offered_rps}/s offered, slip p99 ${load.slip_p99_ms} ms, ${load.dropped} never sent`,
  ]);
  if (expected) facts.push(["expected", `${expected.join(" or ")}: ${verdict.as_expected ? "yes" : "no"}`]);
  return facts;
}

/** `9 of 10 invariants hold (2410 orders, 2410 charges), 1 unknown: one_lease_holder`. */
function integrityLine({ outcomes }: IntegrityReport): string {
  const named = (state: InvariantState): string[] =>
    outcomes.filter((each) => each.state === state).map(({ invariant }) => invariant);
  const checked = (invariant: Invariant): number =>
    outcomes.find((each) => each.invariant === invariant)?.checked ?? 0;
  const rest = (["violated", "unknown"] as const)
    .filter((state) => named(state).length > 0)
    .map((state) => `, ${named(state).length} ${state}: ${named(state).join(", ")}`);
  return `${named("holds").length} of ${outcomes.length} invariants hold (${checked("acknowledged_in_primary")} acknowledged orders, ${checked("charge_has_order")} charges)${rest.join("")}`;
}

export function stabilityTable(stability: readonly Stability[]): Table {
  const spread = (of: Stability["mttr_s"], show: (value: number) => string): string =>
    of === null ? "-" : `${show(of.min)} / ${show(of.median)} / ${show(of.max)}`;
  return {
    title: "stability",
    heading: ["hypothesis", "results", ">agree", "p99 in fault: least / median / most", "errors", "MTTR"],
    rows: stability.map((each) => [
      each.hypothesis,
      Object.entries(each.results)
        .map(([result, n]) => `${n} ${result}`)
        .join(", "),
      percent(each.agreement),
      spread(each.fault_p99_ms, (value) => showSli(value, "ms")),
      spread(each.fault_err_rate, (value) => showSli(value, "share")),
      spread(each.mttr_s, (value) => `${value} s`),
    ]),
  };
}
