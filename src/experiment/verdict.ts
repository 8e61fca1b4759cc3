/**
 * From a recorded trial to a verdict: pure functions, nothing measured here.
 * @module
 */
import type { Operation } from "../model/load.ts";
import type { Load } from "../model/schedule.ts";
import { type Measure, meets, type Sli } from "../model/sli.ts";
import {
  type Finding,
  type Mttr,
  type Result,
  rankOf,
  type SliOutcome,
  type Verdict,
  worst,
} from "../model/verdict.ts";
import { blastRadius } from "./blast-radius.ts";
import { type Bounds, steadyBreaches } from "./bounds.ts";
import { budgetOutcomes } from "./budget.ts";
import { DATA_CHECKS, EXPERIMENT_CHECKS, type Examined, SYSTEM_CHECKS } from "./checks.ts";
import { checkIntegrity } from "./integrity/check.ts";
import { poolOutcomes, poolSamples } from "./pools.ts";
import { amplification, breakerOutcomes, limiterOutcomes } from "./server-side.ts";
import { significanceOf } from "./significance.ts";
import type { Trial } from "./trial.ts";

export function judge(trial: Trial): Verdict {
  const { hypothesis, recording, measurements, phases, schedule, bounds } = trial;
  const slis = bounds.map((each) => outcomeOf(trial, each));
  const pools = poolOutcomes(poolSamples(recording.scrapes), (t) => recording.secondOf(t), phases);
  const recoverS = recoveryOf(trial);
  const integrity = recording.integrity && checkIntegrity(recording.integrity);
  const found = examine({ ...trial, slis, pools, integrity, recoverS });
  const result = worst(found.map((finding) => finding.result));
  const expected = hypothesis.expect === undefined ? null : [hypothesis.expect].flat();

  const operation = operationOf(measurements.sli(hypothesis.sli), schedule.load);
  const over = (measure: Measure, phase: [number, number] | null): number | null =>
    operation === null || phase === null ? null : measurements.history.measure(operation, measure, ...phase);
  const radius = blastRadius(trial);
  const events = recording.events;
  const { load } = recording;
  return {
    hypothesis: hypothesis.name,
    repeat: trial.repeat,
    sli: hypothesis.sli,
    mitigations: recording.mitigations,
    result,
    expected,
    as_expected: expected?.includes(result) ?? null,
    reasons: found.map(({ reason }) => reason),
    findings: found,
    baseline_p99: over("p99", phases.baseline),
    fault_p99: over("p99", phases.fault),
    fault_err_rate: over("error_rate", phases.fault),
    blast_radius_endpoints: [
      ...new Set(slis.flatMap((each) => (each.fault_in_bound || !each.endpoint ? [] : [each.endpoint]))),
    ],
    blast_radius: radius.slis,
    blast_radius_tenants: radius.tenants,
    mttr_s: recoverS,
    mttr: mttrOf(trial, slis, recoverS),
    backend: events.length > 0 ? [...new Set(events.map(({ backend }) => backend))].join(", ") : null,
    fault_event: events[0] ?? null,
    fault_events: events,
    stopped_by: recording.stopped,
    slis,
    error_budgets: budgetOutcomes(measurements, bounds, schedule, phases),
    amplification: amplification(recording, phases),
    pools,
    breakers: breakerOutcomes(recording, phases),
    limiters: limiterOutcomes(recording, phases),
    integrity,
    nodes_after: recording.nodes,
    load: {
      scenario: schedule.load.scenario?.name ?? null,
      requests: load?.requests ?? 0,
      offered_rps: load?.rate ?? schedule.load.rate,
      timeout_ms: measurements.timeoutMs,
      dropped: load?.dropped ?? 0,
      slip_p99_ms: load?.slip.p99_ms ?? 0,
      generator_saturated: load?.generator_saturated ?? false,
    },
    phases,
  };
}

/** What the hypothesis is about; a server's SLI speaks for the shop's write path, and for none of a scenario's. */
function operationOf(sli: Sli, { scenario }: Load): Operation | null {
  if (sli.source === "load") return sli.operation;
  return scenario ? null : "POST /orders";
}

function outcomeOf(
  { measurements, phases, backAt }: Trial,
  { name, sli, steady, fault }: Bounds,
): SliOutcome {
  const baseline = measurements.over(name, ...phases.baseline);
  const inFault = phases.fault && measurements.over(name, ...phases.fault);
  const afterFrom = backAt ?? phases.recovery?.[0] ?? 0;
  const outOf = (phase: [number, number] | null, limit: typeof steady): number =>
    phase
      ? measurements.perSecond(name, ...phase).filter((value) => value !== null && !meets(value, limit))
          .length
      : 0;
  return {
    sli: name,
    unit: sli.unit,
    source: sli.source,
    endpoint: sli.source === "load" ? sli.operation : null,
    baseline,
    fault: inFault,
    recovered: phases.recovery && measurements.over(name, afterFrom, phases.recovery[1]),
    steady_bound: steady,
    fault_bound: fault,
    baseline_in_bound: meets(baseline, steady),
    fault_in_bound: phases.fault === null || meets(inFault, fault),
    out_of_slo_s: outOf(phases.fault, fault) + outOf(phases.recovery, steady),
    significance: significanceOf(measurements, name, phases),
  };
}

/** Worst first. Never empty. */
function examine(examined: Examined): Finding[] {
  const doubts = EXPERIMENT_CHECKS.flatMap((check) => check(examined));
  const system = doubts.length > 0 ? [] : SYSTEM_CHECKS.flatMap((check) => check(examined));
  const data = DATA_CHECKS.flatMap((check) => check(examined));
  const found = [...doubts, ...system, ...data];
  return [...found, ...remarks(examined, worst(found.map(({ result }) => result)))].sort(
    (a, b) => rankOf(b.result) - rankOf(a.result),
  );
}

/** What else is worth knowing of a system that held, or came back. */
function remarks({ recoverS }: Examined, result: Result): Finding[] {
  const said: Finding[] = [];
  if (result === "held") {
    const reason = "every SLI stayed inside its bound while the fault was active";
    said.push({ result: "held", check: "slo", reason });
  }
  if (result === "degraded") {
    said.push({
      result: "held",
      check: "recovery",
      reason: `every SLI was back ${recoverS} s after the fault's removal`,
    });
  }
  return said;
}

/** When the last fault was gone, Unix epoch milliseconds. */
const removedAt = ({ recording }: Trial): number | null => {
  const stops = recording.events.map(({ t_stop }) => t_stop);
  return stops.length === 0 || stops.includes(null) ? null : Math.max(...stops.filter((t) => t !== null));
};

const tenths = (seconds: number): number => Math.round(Math.max(0, seconds) * 10) / 10;

/** Seconds from removal to recovery; 0 when no SLI had left its steady bound while the fault was active. */
function recoveryOf(trial: Trial): number | null {
  const { phases, bounds, measurements, recording, backAt } = trial;
  const removed = removedAt(trial);
  if (!phases.fault || removed === null || backAt === null) return null;
  if (steadyBreaches(measurements, bounds, ...phases.fault).length === 0) return 0;
  return tenths(backAt - recording.secondOf(removed));
}

function mttrOf(trial: Trial, slis: readonly SliOutcome[], recoverS: number | null): Mttr {
  const { recording, phases, measurements } = trial;
  const { stopped, revertAt } = recording;
  const removed = removedAt(trial);
  let detect: number | null = stopped && stopped.by !== "signal" ? stopped.after_s : null;
  if (detect === null && phases.fault) {
    const first = slis
      .filter((each) => !each.fault_in_bound)
      .map(({ sli, fault_bound }) =>
        measurements
          .perSecond(sli, ...(phases.fault ?? [0, 0]))
          .findIndex((value) => value !== null && !meets(value, fault_bound)),
      )
      .filter((second) => second >= 0);
    // A second's requests are known to be bad when it is over.
    if (first.length > 0) detect = Math.min(...first) + 1;
  }
  return {
    detect_s: detect,
    revert_s:
      removed !== null && revertAt !== null ? Math.round(Math.max(0, removed - revertAt)) / 1000 : null,
    recover_s: recoverS,
  };
}
