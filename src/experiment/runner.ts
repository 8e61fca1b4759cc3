/**
 * Runs one hypothesis: warm-up, baseline, fault, recovery, against a lab that is up, and records what happened.
 * @module
 */

import { existsSync } from "node:fs";
import { reasonOf } from "../cli/errors.ts";
import { type ActiveFault, inject } from "../faults/controller.ts";
import type { HostLab } from "../lab/host/lab.ts";
import { type NodeName, PORTS } from "../lab/host/topology.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { LoadTick } from "../model/load.ts";
import type { Hypothesis, Schedule, Windows } from "../model/schedule.ts";
import type { Verdict } from "../model/verdict.ts";
import { History } from "./history.ts";
import { LoadProcess } from "./load-process.ts";
import { type PoolSample, scrapePools } from "./pools.ts";
import { StopWatch } from "./stop.ts";
import type { HistoryFile } from "./store.ts";
import { boundsOf, judge, type Recorded, steadyBreaches } from "./verdict.ts";

/** Answers of the last second of a phase are given this long to come in before the phase is judged. */
const SETTLE_S = 1;
/** A fault is overdue this long after its window: then the guard reverts it, whatever the runner does. */
const LEASE_SLACK_S = 30;
const SCRAPE_TIMEOUT_MS = 900;
/** Services with bounded pools. */
const SCRAPED: readonly NodeName[] = ["api", "orders-1", "orders-2", "catalog"];

export type Phase = "warm-up" | "baseline" | "fault" | "recovery";

/** What a live view needs, once a second. */
export interface Progress {
  hypothesis: string;
  phase: Phase;
  /** Seconds left of the phase. */
  left_s: number;
  tick: LoadTick;
}

export interface HypothesisRun {
  lab: HostLab;
  schedule: Schedule;
  hypothesis: Hypothesis;
  windows: Windows & { window_s: number };
  file: HistoryFile;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** Things worth a line that stays: injected, reverted, stopped. */
  say: (line: string) => void;
}

export interface Outcome {
  verdict: Verdict;
  recorded: Recorded;
}

export async function runHypothesis(run: HypothesisRun): Promise<Outcome> {
  const { lab, schedule, hypothesis, windows, file, signal, say } = run;
  const timeoutMs = schedule.load.timeout_s * 1000;
  const history = new History(timeoutMs);
  const pools: PoolSample[] = [];
  const stop = new AbortController();
  let phase: Phase = "warm-up";
  let phaseEnd = windows.warmup_s;
  let watch: StopWatch | null = null;
  let stoppedAt: number | null = null;

  const total = windows.warmup_s + windows.baseline_s + windows.window_s + windows.recovery_s;
  const load = new LoadProcess({
    lab,
    load: schedule.load,
    seed: schedule.seed,
    // More than is needed: the load is ended when the recovery is over, however long injecting took.
    durationS: total + 60,
    onRecord(record) {
      file.append(record);
      if (record.kind !== "tick") return;
      for (const delta of record.deltas) history.add(delta);
      run.onProgress({
        hypothesis: hypothesis.name,
        phase,
        left_s: Math.max(0, phaseEnd - record.tick),
        tick: record,
      });
      if (watch?.tick(record)) {
        stoppedAt ??= Date.now();
        stop.abort();
      }
    },
  });
  const sampler = samplePools(lab, (samples) => {
    pools.push(...samples);
    file.append({ kind: "pools", samples });
  });

  let fault: ActiveFault | null = null;
  try {
    const { t_start: loadStart } = await load.started;
    const secondOf = (t: number): number => (t - loadStart) / 1000;
    const baseline: [number, number] = [windows.warmup_s, windows.warmup_s + windows.baseline_s];
    await load.until(baseline[0], signal);
    [phase, phaseEnd] = ["baseline", baseline[1]];
    await load.until(baseline[1] + SETTLE_S, signal);

    const phases: Verdict["phases"] = { baseline, fault: null, recovery: null };
    let event: FaultEvent | null = null;
    const unsteady = steadyBreaches(history, boundsOf(hypothesis, schedule.slos), ...baseline);
    if (unsteady.length > 0) {
      say(`baseline not steady, no fault injected: ${unsteady.join("; ")}`);
    } else {
      const { type, target } = hypothesis.fault;
      fault = await inject({
        journal: lab.paths.journal,
        fault: hypothesis.fault,
        ...lab.targetsOf(hypothesis.fault),
        leaseMs: (windows.window_s + LEASE_SLACK_S) * 1000,
        maxLifetimeMs: (windows.window_s + 2 * LEASE_SLACK_S) * 1000,
      });
      event = fault.event;
      const from = Math.ceil(secondOf(event.t_start));
      [phase, phaseEnd] = ["fault", from + windows.window_s];
      say(`${type} on ${target} injected by ${event.backend} (${event.id})`);
      if (hypothesis.stop_condition) watch = new StopWatch(hypothesis.stop_condition, timeoutMs);
      await load.until(phaseEnd, AbortSignal.any([signal, stop.signal])).catch((error: unknown) => {
        if (!stop.signal.aborted || signal.aborted) throw error;
      });
      watch = null;
      event = await fault.revert();
      const stopped = event.t_stop ?? Date.now();
      say(
        `${type} on ${target} reverted${stoppedAt ? " by the stop condition" : ""}: ${event.evidence?.detail ?? "no evidence"}`,
      );
      const to = Math.ceil(secondOf(stopped));
      phases.fault = [from, Math.max(from, Math.floor(secondOf(stopped)))];
      phases.recovery = [to, to + windows.recovery_s];
      [phase, phaseEnd] = ["recovery", to + windows.recovery_s];
      await load.until(phaseEnd, signal);
    }
    const summary = await load.finish();
    const stop_condition = hypothesis.stop_condition;
    const recorded: Recorded = {
      hypothesis,
      slos: schedule.slos,
      history,
      loadStart,
      phases,
      event,
      pools,
      load: summary,
      stoppedBy:
        stoppedAt !== null && stop_condition && event
          ? { sli: stop_condition.sli, after_s: Math.round((stoppedAt - event.t_start) / 100) / 10 }
          : null,
    };
    return { verdict: judge(recorded), recorded };
  } finally {
    sampler.stop();
    // First the fault, then the load: nothing may keep the system broken longer than it must be.
    await fault
      ?.revert()
      .catch((error: unknown) => say(`reverting failed, the guard goes on trying: ${reasonOf(error)}`));
    load.kill();
  }
}

/** Scrapes every service once a second; a scrape that fails or comes late is a gap. */
function samplePools(lab: HostLab, onSamples: (samples: PoolSample[]) => void): { stop(): void } {
  const timer = setInterval(() => {
    // A lab that was taken down under us has no route any more: its addresses would leave this host.
    if (!existsSync(`/sys/class/net/${lab.topology.hostDevice}`)) return;
    for (const node of SCRAPED) {
      const url = `http://${lab.topology.address(node)}:${PORTS[node]}`;
      scrapePools(url, node, SCRAPE_TIMEOUT_MS).then(onSamples, () => {});
    }
  }, 1_000);
  return { stop: () => clearInterval(timer) };
}
