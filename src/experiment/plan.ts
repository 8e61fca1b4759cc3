/** What a run would do: nothing is touched but for trying, where it can harm nothing, which mechanisms work here. @module */
import { FAULTS } from "../faults/registry.ts";
import { plannedLab } from "../lab/host/lab.ts";
import { isHostLab, labThatIsUp } from "../lab/ready.ts";
import type { Mitigation } from "../model/mitigations.ts";
import {
  DEFAULT_PENDING_BOUND_S,
  faultsOf,
  mitigationsOf,
  type Schedule,
  stopConditionsOf,
  type Windows,
} from "../model/schedule.ts";
import type { Result } from "../model/verdict.ts";
import { checkTargets, needsProxies, profileOf, windowsOf } from "./prepare.ts";

export interface PlannedFault {
  type: string;
  target: string;
  params: Readonly<Record<string, unknown>>;
  /** Seconds after the window's begin, and how long it stays. */
  at_s: number;
  for_s: number;
  backend: string;
  /** Why it is not certain that this backend works; null: it was tried. */
  uncertain: string | null;
  steps: readonly string[];
  /** What will undo it, as the journal will have it. */
  undo: Readonly<Record<string, unknown>>;
}

export interface PlannedTrial {
  hypothesis: string;
  windows: Windows;
  faults: PlannedFault[];
  stop_conditions: string[];
  expected: Result[] | null;
  /** Null: as the lab is; one that is booted has none. */
  mitigations: Mitigation[] | null;
}

export interface Plan {
  schedule: string;
  profile: string;
  /** The lab that is up, or that would be booted and taken down again. */
  lab: { name: string; state: "up" | "to be booted"; proxies: boolean };
  rate: number;
  repeats: number;
  seed: number;
  /** Of all trials together, without booting, in seconds. */
  duration_s: number;
  slos: Record<string, { steady: string; fault: string }>;
  pending_bound_s: number;
  trials: PlannedTrial[];
}

export interface PlanOptions {
  schedule: Schedule;
  /** Path of the schedule, for messages. */
  file: string;
  labName: string;
  profile: string;
  repeats: number | null;
}

/** Seconds that a trial takes beyond its windows, about. */
const OVERHEAD_S = 2;

export async function planRun({ schedule, file, labName, profile, repeats }: PlanOptions): Promise<Plan> {
  if (isHostLab(labName)) checkTargets(schedule, file);
  const chosen = profileOf(schedule, profile, file);
  const up = await labThatIsUp(labName);
  const proxies = needsProxies(schedule);
  const lab = up ?? plannedLab(labName, { toxiproxy: proxies ? { url: null } : null });
  const times = repeats ?? schedule.repeats ?? 1;
  const trials: PlannedTrial[] = [];
  for (const hypothesis of schedule.hypotheses) {
    const windows = windowsOf(chosen, hypothesis);
    const faults: PlannedFault[] = [];
    for (const { at_s, for_s, ...fault } of faultsOf(hypothesis, windows.window_s)) {
      const request = {
        id: "f-planned",
        params: fault.params,
        ...(await lab.targetsOf(fault)),
        maxLifetimeMs: windows.window_s * 1000,
      };
      const { name, lacks, plan } = await FAULTS[fault.type].preview(request, up !== null);
      const { type, target, params } = fault;
      const how = up ? lacks : lacks && `${lacks} (the lab is not up)`;
      faults.push({
        ...{ type, target, params, at_s, for_s, backend: name, uncertain: how },
        steps: plan.steps,
        undo: { ...plan.undo },
      });
    }
    const stops = stopConditionsOf(hypothesis, schedule);
    trials.push({
      hypothesis: hypothesis.name,
      windows,
      faults,
      stop_conditions: stops.map(({ sli, threshold, for_s }) => `${sli} ${threshold} for ${for_s} s`),
      expected: hypothesis.expect === undefined ? null : [hypothesis.expect].flat(),
      mitigations: mitigationsOf(hypothesis, schedule),
    });
  }
  const one = (windows: Windows): number =>
    windows.warmup_s + windows.baseline_s + windows.window_s + windows.recovery_s + OVERHEAD_S;
  return {
    schedule: schedule.name,
    profile,
    lab: { name: lab.name, state: up ? "up" : "to be booted", proxies },
    rate: schedule.load.rate,
    repeats: times,
    seed: schedule.seed,
    duration_s: times * trials.reduce((sum, { windows }) => sum + one(windows), 0),
    slos: { ...schedule.slos },
    pending_bound_s: schedule.pending_bound_s ?? DEFAULT_PENDING_BOUND_S,
    trials,
  };
}
