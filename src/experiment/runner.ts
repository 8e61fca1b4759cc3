/**
 * Runs one trial: warm-up, baseline, fault, recovery, against a lab that is up, and records what happened.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../cli/errors.ts";
import type { HostLab } from "../lab/host/lab.ts";
import { switchMitigations } from "../lab/host/mitigations.ts";
import type { HistoryRecord } from "../model/history.ts";
import type { LoadTick } from "../model/load.ts";
import type { Mitigation } from "../model/mitigations.ts";
import {
  DEFAULT_PENDING_BOUND_S,
  faultsOf,
  type Hypothesis,
  type Schedule,
  type Windows,
} from "../model/schedule.ts";
import type { Stopped, Verdict } from "../model/verdict.ts";
import { boundsOf, steadyBreaches } from "./bounds.ts";
import { FaultWindow } from "./fault-window.ts";
import { beginIntegrity, collectIntegrity } from "./integrity/collect.ts";
import { LoadProcess } from "./load-process.ts";
import { Recording } from "./recording.ts";
import { Sampler } from "./sampler.ts";
import type { HistoryFile } from "./store.ts";
import { type Trial, trialOf } from "./trial.ts";
import { judge } from "./verdict.ts";
import { Watches } from "./watches.ts";

/**
 * The baseline's last requests are given this long to be answered before a fault may touch them. It passes in the second
 * that the fault begins in, which belongs to no phase.
 */
const SETTLE_MS = 500;
/** Beyond its bound, an order that is pending is given so long to be looked at. */
const INTEGRITY_SLACK_S = 5;

export type Phase = "warm-up" | "baseline" | "fault" | "recovery";

/** What a live view needs, once a second. */
export interface Progress {
  hypothesis: string;
  phase: Phase;
  /** Seconds left of the phase. */
  left_s: number;
  tick: LoadTick;
}

export interface TrialRun {
  lab: HostLab;
  schedule: Schedule;
  hypothesis: Hypothesis;
  /** What the services are to run with. */
  mitigations: readonly Mitigation[];
  /** 1 for the first of its repeats. */
  repeat: number;
  windows: Windows;
  file: HistoryFile;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** Things worth a line that stays: injected, reverted, stopped. */
  say: (line: string) => void;
}

export interface Outcome {
  verdict: Verdict;
  trial: Trial;
}

/**
 * @throws the signal's reason when it came before there was a fault. After that there is a verdict, inconclusive.
 */
export async function runTrial(run: TrialRun): Promise<Outcome> {
  const { lab, schedule, hypothesis, mitigations, windows, file, signal, say } = run;
  const recording = new Recording(schedule.load.timeout_s * 1000, schedule.slis);
  const record = (entry: HistoryRecord): void => {
    file.append(entry);
    recording.add(entry);
  };
  const watches = new Watches(schedule, hypothesis, recording);
  const pendingBoundS = schedule.pending_bound_s ?? DEFAULT_PENDING_BOUND_S;
  let [phase, phaseEnd]: [Phase, number] = ["warm-up", windows.warmup_s];
  const enter = (next: Phase, from: number, to: number): void => {
    [phase, phaseEnd] = [next, to];
    if (next !== "warm-up") record({ kind: "phase", phase: next, from, to });
  };

  await switchMitigations(lab, mitigations);
  record({ kind: "system", mitigations: [...mitigations] });
  const integrity = await beginIntegrity(lab, signal);
  const load = new LoadProcess({
    lab,
    load: schedule.load,
    seed: schedule.seed,
    // More than is needed: the load is ended when the recovery is over, however long injecting took.
    durationS: windows.warmup_s + windows.baseline_s + windows.window_s + windows.recovery_s + 60,
    onRecord(entry) {
      record(entry);
      if (entry.kind !== "tick") return;
      run.onProgress({
        hypothesis: hypothesis.name,
        phase,
        left_s: Math.max(0, phaseEnd - entry.tick),
        tick: entry,
      });
      watches.tick(entry);
    },
  });
  using _sampler = new Sampler(lab, schedule.slis, schedule.prometheus?.url ?? null, record);
  const faults = new FaultWindow({ lab, windowS: windows.window_s, record, say });
  try {
    await load.started;
    const baseline = [windows.warmup_s, windows.warmup_s + windows.baseline_s] as const;
    await load.until(baseline[0], signal);
    enter("baseline", ...baseline);
    await load.until(baseline[1], signal);
    await sleep(SETTLE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());

    const unsteady = steadyBreaches(recording.measurements(), boundsOf(hypothesis, schedule), ...baseline);
    if (unsteady.length > 0) {
      say(`baseline not steady, no fault injected: ${unsteady.join("; ")}`);
      await load.finish();
    } else {
      const begin = await faults.begin(faultsOf(hypothesis, windows.window_s));
      const from = Math.ceil(recording.secondOf(begin));
      enter("fault", from, from + windows.window_s);
      watches.arm(from);
      const stopped = await faults
        .observe(
          (second, until) => load.until(from + second, until),
          AbortSignal.any([signal, watches.signal]),
        )
        .then(() => null)
        .catch((error: unknown) => {
          if (!signal.aborted && !watches.signal.aborted) throw error;
          return signal.aborted ? bySignal(signal) : watches.tripped;
        });
      watches.disarm();
      record({ kind: "revert", t: Date.now() });
      const decided = (Date.now() - begin) / 1000;
      const end = await faults.revertAll(stopped !== null);
      const removed = recording.secondOf(end);
      if (stopped) {
        const reverted_s = (end - begin) / 1000;
        record({ kind: "stopped", ...stopped, after_s: stopped.after_s ?? decided, reverted_s });
      }
      record({ kind: "phase", phase: "fault", from, to: Math.max(from, Math.floor(removed)) });
      if (!signal.aborted) {
        const to = Math.ceil(removed);
        enter("recovery", to, to + windows.recovery_s);
        await load.until(phaseEnd, signal);
        const nodes = (await lab.nodes()).map(({ name, state, restarts }) => ({ name, state, restarts }));
        record({ kind: "nodes", t: Date.now(), nodes });
        await load.finish();
        // What the client saw is in its own records already.
        const {
          acknowledged: _a,
          foreign_reads: _f,
          reads: _r,
          leases: _l,
          ...facts
        } = await collectIntegrity(lab, integrity, {
          pendingBoundS,
          deadlineMs: (pendingBoundS + INTEGRITY_SLACK_S) * 1000,
          recoveredAtMs: end,
          client: recording.client,
          signal,
        });
        record({ kind: "integrity", facts });
      }
    }
    const trial = trialOf(schedule, hypothesis, run.repeat, recording);
    return { verdict: judge(trial), trial };
  } finally {
    // First the fault, then the load: nothing may keep the system broken longer than it must be.
    await faults
      .revertAll(true)
      .catch((error: unknown) => say(`reverting failed, the guard goes on trying: ${reasonOf(error)}`));
    load.kill();
  }
}

const bySignal = ({
  reason,
}: AbortSignal): Omit<Stopped, "reverted_s" | "after_s"> & { after_s?: number } => ({
  by: "signal",
  sli: null,
  condition: String(reason),
  breach_from_s: null,
});
