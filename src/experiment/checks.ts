/**
 * The checks of a trial. Each is a pure function from what was recorded to what it found; the result of the trial is the
 * worst of all findings (failed > inconclusive > degraded > held).
 *
 * What an unsteady system, an absent fault or a late generator shows is not the fault's doing, not even a failure: the
 * checks of the system's behaviour abstain where those of the experiment found something. Those of its data do not.
 * @module
 */
import type { IntegrityReport } from "../model/integrity.ts";
import { blastRadiusOf } from "../model/schedule.ts";
import { showBound, showSli } from "../model/sli.ts";
import type { Finding, PoolOutcome, Result, SliOutcome } from "../model/verdict.ts";
import { steadyBreaches } from "./bounds.ts";
import { violationsInWords } from "./integrity/check.ts";
import { driftOf } from "./stats/drift.ts";
import { trendOf } from "./stats/trend.ts";
import type { Trial } from "./trial.ts";

/** A caller's pool with every slot taken and requests waiting this long is exhausted, not just busy. */
export const EXHAUSTED_S = 5;

/** What the checks share: computed once. */
export interface Examined extends Trial {
  slis: readonly SliOutcome[];
  pools: readonly PoolOutcome[];
  integrity: IntegrityReport | null;
  /** Seconds from the fault's removal to recovery; null: not seen. */
  recoverS: number | null;
}

export type Check = (examined: Examined) => Finding[];

const findings =
  (check: string, result: Result, reasonsOf: (examined: Examined) => readonly string[]): Check =>
  (examined) =>
    reasonsOf(examined).map((reason) => ({ result, check, reason }));

/** Whether the experiment can tell anything. */
export const EXPERIMENT_CHECKS: readonly Check[] = [
  findings("finished", "inconclusive", ({ recording }) => {
    const { stopped, load, truncated } = recording;
    if (stopped?.by === "signal")
      return [`stopped by ${stopped.condition} after ${stopped.after_s} s of the fault`];
    return load === null || truncated ? ["the run was cut off before its end"] : [];
  }),
  findings("baseline_steady", "inconclusive", ({ measurements, bounds, phases }) => {
    const unsteady = steadyBreaches(measurements, bounds, ...phases.baseline);
    return unsteady.length > 0 ? [`the baseline was not steady: ${unsteady.join("; ")}`] : [];
  }),
  findings("baseline_stationary", "inconclusive", ({ measurements, bounds, phases }) =>
    bounds.flatMap(({ name, sli, steady }) => {
      const [from, to] = phases.baseline;
      const trend = trendOf(measurements.perSecond(name, from, to));
      const horizonS = phases.fault ? phases.fault[1] - phases.fault[0] : 0;
      const drift = driftOf(trend, { bound: steady, unit: sli.unit, horizonS });
      return drift ? [`the baseline was not stationary: ${name}: ${drift}`] : [];
    }),
  ),
  findings("fault_landed", "inconclusive", ({ recording, hypothesis, measurements, bounds, phases }) => {
    const { events } = recording;
    // Without a steady baseline none is injected.
    const isSteady = steadyBreaches(measurements, bounds, ...phases.baseline).length === 0;
    if (events.length === 0) return isSteady ? ["the fault was never injected"] : [];
    const wanted = hypothesis.faults?.length ?? 1;
    if (events.length < wanted) return [`only ${events.length} of ${wanted} faults were injected`];
    return events
      .filter(({ evidence }) => !evidence?.landed)
      .map(
        ({ fault_type, target, evidence }) =>
          `${fault_type} on ${target} was not seen to land: ${evidence?.detail ?? "no evidence"}`,
      );
  }),
  findings("fault_gone", "inconclusive", ({ recording }) =>
    recording.events
      .filter(({ gone }) => gone === false)
      .map(
        ({ fault_type, target, remains }) =>
          `${fault_type} on ${target} is still there: ${remains ?? "not gone"}`,
      ),
  ),
  findings("generator", "inconclusive", ({ recording: { load } }) =>
    load?.generator_saturated
      ? [
          `the load generator fell behind: slip p99 ${load.slip.p99_ms} ms, ${load.dropped} requests never sent`,
        ]
      : [],
  ),
];

/** What became of its data: holds, or not, whatever else is in doubt. */
export const DATA_CHECKS: readonly Check[] = [
  findings("integrity", "failed", ({ integrity }) =>
    integrity ? violationsInWords(integrity).map((violation) => `integrity: ${violation}`) : [],
  ),
  findings("integrity_known", "inconclusive", ({ recording }) =>
    (recording.integrity?.problems ?? []).map((problem) => `integrity could not be checked: ${problem}`),
  ),
];

/** What the system did. */
export const SYSTEM_CHECKS: readonly Check[] = [
  findings("slo", "degraded", ({ slis, measurements }) =>
    slis
      .filter((each) => !each.fault_in_bound)
      .map(
        ({ sli, unit, fault, fault_bound }) =>
          `${sli} was ${showSli(fault, unit, measurements.timeoutMs)} under the fault, not ${showBound(fault_bound, unit)}`,
      ),
  ),
  // Nobody knows what the rest of the window would have brought.
  findings("stopped", "degraded", ({ recording: { stopped } }) => {
    if (!stopped || stopped.by === "signal") return [];
    const by = stopped.by === "error_budget" ? "error budget" : "stop condition";
    return [`the ${by} (${stopped.condition}) ended the fault after ${stopped.after_s} s`];
  }),
  findings("cascade", "failed", ({ slis, hypothesis, schedule }) => {
    const allowed = blastRadiusOf(hypothesis, schedule);
    const out = slis.filter(
      ({ endpoint, fault_in_bound }) => endpoint !== null && !fault_in_bound && !allowed.includes(endpoint),
    );
    return [...Map.groupBy(out, ({ endpoint }) => endpoint)].map(
      ([endpoint, each]) =>
        `cascade: ${endpoint} left its SLO (${each.map(({ sli }) => sli).join(", ")}) and is not in the fault's blast radius`,
    );
  }),
  findings("pools", "failed", ({ pools }) =>
    pools
      .filter((pool) => pool.exhausted_s >= EXHAUSTED_S)
      .map(
        (pool) =>
          `cascade: pool ${pool.pool} of ${pool.node} was exhausted for ${pool.exhausted_s} s (${pool.size} slots, up to ${pool.fault_peak_waiting} waiting)`,
      ),
  ),
  findings("recovery", "failed", ({ recoverS }) =>
    recoverS === null ? ["the SLIs did not come back and stay back while the run watched"] : [],
  ),
  findings("nodes", "failed", ({ recording }) =>
    recording.nodes
      .filter(({ state }) => state !== "ready")
      .map(({ name, state }) => `${name} is ${state} at the end of the observation`),
  ),
];
