/**
 * From a recorded history to a verdict: pure functions, nothing measured here.
 * @module
 */
import type { FaultEvent } from "../model/fault.ts";
import type { LoadSummary, Operation } from "../model/load.ts";
import type { Hypothesis, Slos } from "../model/schedule.ts";
import { meets, SLIS, type SliName, showBound, showSli, type Threshold } from "../model/sli.ts";
import type { PoolOutcome, Result, SliOutcome, Verdict } from "../model/verdict.ts";
import type { History } from "./history.ts";
import { type PoolSample, poolOutcomes } from "./pools.ts";
import { threshold } from "./schedule-file.ts";

/** SLIs must be back for this many seconds in a row, and over all the time that is left, to count as recovered. */
export const STABLE_S = 5;
/** A caller's pool with every slot taken and requests waiting this long is exhausted, not just busy. */
export const EXHAUSTED_S = 5;

export interface Bounds {
  sli: SliName;
  steady: Threshold;
  fault: Threshold;
}

/** Every SLO of the schedule, with the hypothesis's own bounds for its own SLI. */
export function boundsOf(hypothesis: Hypothesis, slos: Slos): Bounds[] {
  const texts: Slos = {
    ...slos,
    [hypothesis.sli]: { steady: hypothesis.steady_state, fault: hypothesis.slo_threshold },
  };
  return Object.entries(texts).map(([name, slo]) => {
    const sli = name as SliName;
    return { sli, steady: threshold(slo.steady, sli), fault: threshold(slo.fault, sli) };
  });
}

/** The SLIs out of their steady bound over a window, in words. Empty: the steady state holds. */
export function steadyBreaches(
  history: History,
  bounds: readonly Bounds[],
  from: number,
  to: number,
): string[] {
  return bounds.flatMap(({ sli, steady }) => {
    const value = history.sli(sli, from, to);
    if (meets(value, steady)) return [];
    return [
      `${sli} was ${showSli(value, SLIS[sli].unit, history.timeoutMs)}, not ${showBound(steady, SLIS[sli].unit)}`,
    ];
  });
}

/**
 * First arrival second from which every SLI is inside its steady bound for STABLE_S seconds and over all the rest of the
 * observation; null when there is none.
 */
export function recoveredAt(
  history: History,
  bounds: readonly Bounds[],
  from: number,
  to: number,
): number | null {
  const inside = (a: number, b: number): boolean =>
    bounds.every(({ sli, steady }) => meets(history.sli(sli, a, b), steady));
  for (let second = from; second + STABLE_S <= to; second++) {
    if (inside(second, second + STABLE_S) && inside(second, to)) return second;
  }
  return null;
}

export interface Recorded {
  hypothesis: Hypothesis;
  slos: Slos;
  history: History;
  /** Unix epoch milliseconds of arrival second 0. */
  loadStart: number;
  phases: Verdict["phases"];
  event: FaultEvent | null;
  pools: readonly PoolSample[];
  load: LoadSummary;
  stoppedBy: Verdict["stopped_by"];
}

export function judge(recorded: Recorded): Verdict {
  const { hypothesis, slos, history, phases, event, load } = recorded;
  const bounds = boundsOf(hypothesis, slos);
  const [baseFrom, baseTo] = phases.baseline;
  const operation: Operation = SLIS[hypothesis.sli].operation;
  const p99: SliName = operation === "POST /orders" ? "write_p99" : "read_p99";
  const errorRate: SliName = operation === "POST /orders" ? "write_error_rate" : "read_error_rate";
  const during = (sli: SliName): number | null => (phases.fault ? history.sli(sli, ...phases.fault) : null);

  const back = phases.recovery && recoveredAt(history, bounds, ...phases.recovery);
  const afterFrom = back ?? phases.recovery?.[0] ?? 0;
  const slis = bounds.map(({ sli, steady, fault }): SliOutcome => {
    const baseline = history.sli(sli, baseFrom, baseTo);
    const inFault = during(sli);
    return {
      sli,
      unit: SLIS[sli].unit,
      baseline,
      fault: inFault,
      recovered: phases.recovery ? history.sli(sli, afterFrom, phases.recovery[1]) : null,
      steady_bound: steady,
      fault_bound: fault,
      baseline_in_bound: meets(baseline, steady),
      fault_in_bound: meets(inFault, fault),
    };
  });
  const pools = poolOutcomes(recorded.pools, (t) => (t - recorded.loadStart) / 1000, phases);
  const breached = phases.fault ? slis.filter((each) => !each.fault_in_bound) : [];
  const mttr = mttrOf(recorded, bounds, back);
  const { result, reasons } = conclude(recorded, slis, breached, pools, mttr);

  return {
    hypothesis: hypothesis.name,
    sli: hypothesis.sli,
    result,
    reasons,
    baseline_p99: history.sli(p99, baseFrom, baseTo),
    fault_p99: during(p99),
    fault_err_rate: during(errorRate),
    blast_radius_endpoints: [...new Set(breached.map((each) => SLIS[each.sli].operation))],
    mttr_s: mttr,
    backend: event?.backend ?? null,
    fault_event: event,
    stopped_by: recorded.stoppedBy,
    slis,
    pools,
    load: {
      requests: load.requests,
      offered_rps: load.rate,
      timeout_ms: history.timeoutMs,
      dropped: load.dropped,
      slip_p99_ms: load.slip.p99_ms,
      generator_saturated: load.generator_saturated,
    },
    phases,
  };
}

/** Seconds from removal to recovery; 0 when no SLI had left its steady bound while the fault was active. */
function mttrOf(recorded: Recorded, bounds: readonly Bounds[], back: number | null): number | null {
  const { event, phases, history, loadStart } = recorded;
  if (!phases.fault || !event?.t_stop || back === null) return null;
  if (steadyBreaches(history, bounds, ...phases.fault).length === 0) return 0;
  return Math.round(Math.max(0, back - (event.t_stop - loadStart) / 1000) * 10) / 10;
}

/** The result with its reasons. Doubt about the experiment itself comes before anything the system did. */
function conclude(
  recorded: Recorded,
  slis: readonly SliOutcome[],
  breached: readonly SliOutcome[],
  pools: readonly PoolOutcome[],
  mttr: number | null,
): { result: Result; reasons: string[] } {
  const { history, hypothesis, slos, phases, event, load, stoppedBy } = recorded;
  const doubts: string[] = [];
  const unsteady = steadyBreaches(history, boundsOf(hypothesis, slos), ...phases.baseline);
  if (unsteady.length > 0) doubts.push(`the baseline was not steady: ${unsteady.join("; ")}`);
  if (event && !event.evidence?.landed) {
    doubts.push(`the fault was not seen to land: ${event.evidence?.detail ?? "no evidence"}`);
  }
  if (load.generator_saturated) {
    doubts.push(
      `the load generator fell behind: slip p99 ${load.slip.p99_ms} ms, ${load.dropped} requests never sent`,
    );
  }
  // What an unsteady system, an absent fault or a late generator shows is not the fault's doing: not even a failure.
  if (doubts.length > 0) return { result: "inconclusive", reasons: doubts };
  if (!event || !phases.fault) return { result: "inconclusive", reasons: ["the fault was never injected"] };

  const reasons = breached.map(
    ({ sli, fault, fault_bound }) =>
      `${sli} was ${showSli(fault, SLIS[sli].unit, history.timeoutMs)} under the fault, not ${showBound(fault_bound, SLIS[sli].unit)}`,
  );
  if (stoppedBy)
    reasons.push(`the stop condition on ${stoppedBy.sli} ended the fault after ${stoppedBy.after_s} s`);
  const cascaded = cascadeReasons(slis, pools);
  if (mttr === null) cascaded.push("the SLIs did not come back and stay back while the run watched");
  if (cascaded.length > 0) return { result: "failed", reasons: [...cascaded, ...reasons] };
  if (reasons.length > 0) {
    return {
      result: "degraded",
      reasons: [...reasons, `every SLI was back ${mttr} s after the fault's removal`],
    };
  }
  return { result: "held", reasons: ["every SLI stayed inside its bound while the fault was active"] };
}

/** A fault on the write side must neither reach the read path nor exhaust a caller's pool. */
function cascadeReasons(slis: readonly SliOutcome[], pools: readonly PoolOutcome[]): string[] {
  const reads = slis.filter(
    (each) => SLIS[each.sli].operation === "GET /orders/{id}" && !each.fault_in_bound,
  );
  return [
    ...(reads.length > 0
      ? [`cascade: the read path left its SLO (${reads.map((each) => each.sli).join(", ")})`]
      : []),
    ...pools
      .filter((pool) => pool.exhausted_s >= EXHAUSTED_S)
      .map(
        (pool) =>
          `cascade: pool ${pool.pool} of ${pool.node} was exhausted for ${pool.exhausted_s} s (${pool.size} slots, up to ${pool.fault_peak_waiting} waiting)`,
      ),
  ];
}
