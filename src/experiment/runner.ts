/**
 * Runs one trial: warm-up, baseline, fault, recovery, against a lab that is up, and records what happened.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../cli/errors.ts";
import type { Lab } from "../lab/lab.ts";
import { switchMitigations } from "../lab/mitigations.ts";
import type { HistoryRecord } from "../model/history.ts";
import type { LoadRecord, LoadTick } from "../model/load.ts";
import type { Mitigation } from "../model/mitigations.ts";
import {
  DEFAULT_PENDING_BOUND_S,
  faultsOf,
  type Hypothesis,
  type Schedule,
  type Windows,
} from "../model/schedule.ts";
import type { Stopped, Verdict } from "../model/verdict.ts";
import { type Bounds, boundsOf, steadyBreaches } from "./bounds.ts";
import { FaultWindow } from "./fault-window.ts";
import { beginIntegrity, collectIntegrity, type IntegrityStart } from "./integrity/collect.ts";
import { LoadProcess } from "./load-process.ts";
import { Recording } from "./recording.ts";
import { Sampler } from "./sampler.ts";
import type { HistoryFile } from "./store.ts";
import { type Trial, trialOf } from "./trial.ts";
import { judge } from "./verdict.ts";
import { Watches } from "./watches.ts";

/**
 * The baseline's last requests are given this long to be answered before a fault may touch them, and longer where its
 * bounds allow slower answers. It passes in seconds that belong to no phase.
 */
const SETTLE_MS = 500;
const SETTLE_STEP_MS = 250;
/** One hiccup of a busy machine is no reason to give up: the baseline that counts is the last one, right before the fault. */
const BASELINES = 2;
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
  lab: Lab;
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
  const { shop } = run.lab;
  if (shop) await switchMitigations(shop, run.mitigations);
  const integrity = shop && (await beginIntegrity(run.lab, run.signal));
  const runner = new TrialRunner(run, await run.lab.clientPrefix());
  try {
    if (await runner.baseline()) {
      const removedAt = await runner.fault();
      await runner.recovery(removedAt);
      if (integrity) await runner.integrity(integrity, removedAt);
    }
  } catch (error) {
    // What was seen of a fault is judged, however it ended.
    if (!run.signal.aborted || runner.recording.events.length === 0) throw error;
  } finally {
    await runner.end();
  }
  const trial = trialOf(run.schedule, run.hypothesis, run.repeat, runner.recording);
  return { verdict: judge(trial), trial };
}

/** The phases of one trial, in order. */
class TrialRunner {
  readonly recording: Recording;
  readonly #load: LoadProcess;
  readonly #sampler: Sampler;
  readonly #faults: FaultWindow;
  readonly #watches: Watches;
  #phase: Phase = "warm-up";
  #phaseEnd: number;

  constructor(
    readonly run: TrialRun,
    prefix: readonly string[],
  ) {
    const { lab, schedule, hypothesis, mitigations, windows, say } = run;
    this.recording = new Recording(schedule.load.timeout_s * 1000, schedule.slis);
    this.#watches = new Watches(schedule, hypothesis, this.recording);
    this.#phaseEnd = windows.warmup_s;
    this.#record({ kind: "system", mitigations: [...mitigations] });
    this.#load = new LoadProcess({
      lab,
      prefix,
      load: schedule.load,
      seed: schedule.seed,
      // More than is needed: the load is ended when the recovery is over, however long injecting took.
      durationS:
        windows.warmup_s + BASELINES * (windows.baseline_s + 1) + windows.window_s + windows.recovery_s + 60,
      onRecord: (record) => this.#loaded(record),
    });
    const record = (entry: HistoryRecord): void => this.#record(entry);
    this.#sampler = new Sampler(lab, schedule.slis, schedule.prometheus?.url ?? null, record);
    this.#faults = new FaultWindow({ lab, windowS: windows.window_s, record, say });
  }

  /** Warm-up and baseline. False when the system was not steady: then the load has ended, and no fault is due. */
  async baseline(): Promise<boolean> {
    const { schedule, hypothesis, windows, signal, say } = this.run;
    await this.#load.started;
    await this.#load.until(windows.warmup_s, signal);
    let from = windows.warmup_s;
    for (let attempt = 1; ; attempt++) {
      const to = from + windows.baseline_s;
      this.#enter("baseline", from, to);
      await this.#load.until(to, signal);
      const unsteady = await this.#settled(boundsOf(hypothesis, schedule), from, to);
      if (unsteady.length === 0) return true;
      const isLast = attempt === BASELINES;
      say(`baseline not steady, ${isLast ? "no fault injected" : "once more"}: ${unsteady.join("; ")}`);
      if (isLast) break;
      from = Math.ceil(this.recording.secondOf(Date.now()));
    }
    await this.#load.finish();
    return false;
  }

  /** What is out of its steady bound, once every request that is inside it must have been answered. */
  async #settled(bounds: readonly Bounds[], from: number, to: number): Promise<string[]> {
    const { signal } = this.run;
    const slowest = bounds.flatMap(({ sli, steady }) => (sli.unit === "ms" ? [steady.value] : []));
    const deadline = performance.now() + Math.max(SETTLE_MS, ...slowest);
    for (let waitMs = SETTLE_MS; ; waitMs = SETTLE_STEP_MS) {
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      const unsteady = steadyBreaches(this.recording.measurements(), bounds, from, to);
      if (unsteady.length === 0 || performance.now() >= deadline) return unsteady;
    }
  }

  /** From the injection to the last fault's removal; returns when that was, Unix epoch milliseconds. */
  async fault(): Promise<number> {
    const { hypothesis, windows, signal } = this.run;
    const { recording } = this;
    const begin = await this.#faults.begin(faultsOf(hypothesis, windows.window_s));
    const from = Math.ceil(recording.secondOf(begin));
    this.#enter("fault", from, from + windows.window_s);
    const stopped = await this.#observe(from);
    const decidedAt = Date.now();
    this.#record({ kind: "revert", t: decidedAt });
    const end = await this.#faults.revertAll(stopped !== null);
    if (stopped) {
      const after_s = stopped.after_s ?? (decidedAt - begin) / 1000;
      this.#record({ kind: "stopped", ...stopped, after_s, reverted_s: (end - begin) / 1000 });
    }
    const to = Math.max(from, Math.floor(recording.secondOf(end)));
    this.#record({ kind: "phase", phase: "fault", from, to });
    signal.throwIfAborted();
    return end;
  }

  /** Lets the window pass; what ended it early, if anything did. */
  async #observe(from: number): Promise<StoppedEarly | null> {
    const { signal } = this.run;
    const watches = this.#watches;
    watches.arm(from);
    try {
      const until = AbortSignal.any([signal, watches.signal]);
      await this.#faults.observe((second, early) => this.#load.until(from + second, early), until);
      return null;
    } catch (error) {
      if (signal.aborted) return bySignal(signal);
      if (watches.signal.aborted) return watches.tripped;
      throw error;
    } finally {
      watches.disarm();
    }
  }

  async recovery(removedAt: number): Promise<void> {
    const { lab, windows, signal } = this.run;
    const from = Math.ceil(this.recording.secondOf(removedAt));
    this.#enter("recovery", from, from + windows.recovery_s);
    await this.#load.until(from + windows.recovery_s, signal);
    const nodes = (await lab.nodes()).map(({ name, state, restarts }) => ({ name, state, restarts }));
    this.#record({ kind: "nodes", t: Date.now(), nodes });
    await this.#load.finish();
  }

  async integrity(start: IntegrityStart, recoveredAtMs: number): Promise<void> {
    const { lab, schedule, signal } = this.run;
    const pendingBoundS = schedule.pending_bound_s ?? DEFAULT_PENDING_BOUND_S;
    const deadlineMs = (pendingBoundS + INTEGRITY_SLACK_S) * 1000;
    const { client } = this.recording;
    const options = { pendingBoundS, deadlineMs, recoveredAtMs, client, signal };
    const all = await collectIntegrity(lab, start, options);
    // What the client saw is in its own records already.
    const { acknowledged: _a, foreign_reads: _f, reads: _r, leases: _l, ...facts } = all;
    this.#record({ kind: "integrity", facts });
  }

  /** First the fault, then the load: nothing may keep the system broken longer than it must be. */
  async end(): Promise<void> {
    this.#sampler[Symbol.dispose]();
    await this.#faults
      .revertAll(true)
      .catch((error: unknown) =>
        this.run.say(`reverting failed, the guard goes on trying: ${reasonOf(error)}`),
      );
    this.#load.kill();
  }

  #record(record: HistoryRecord): void {
    this.run.file.append(record);
    this.recording.add(record);
  }

  #loaded(record: LoadRecord): void {
    this.#record(record);
    if (record.kind !== "tick") return;
    const left_s = Math.max(0, this.#phaseEnd - record.tick);
    this.run.onProgress({ hypothesis: this.run.hypothesis.name, phase: this.#phase, left_s, tick: record });
    this.#watches.tick(record);
  }

  #enter(phase: Exclude<Phase, "warm-up">, from: number, to: number): void {
    [this.#phase, this.#phaseEnd] = [phase, to];
    this.#record({ kind: "phase", phase, from, to });
  }
}

/** What ended a fault before its time. A signal's time is not known yet. */
type StoppedEarly = Omit<Stopped, "reverted_s" | "after_s"> & { after_s?: number };

const bySignal = ({ reason }: AbortSignal): StoppedEarly => ({
  by: "signal",
  sli: null,
  condition: String(reason),
  breach_from_s: null,
});
