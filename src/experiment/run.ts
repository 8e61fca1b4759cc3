/**
 * Runs a whole schedule: a lab if none is up, each hypothesis in turn, the run's folder, and everything put back.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { openFaults } from "../faults/journal.ts";
import { checkHost, requireRoot } from "../lab/host/prerequisites.ts";
import type { Lab } from "../lab/lab.ts";
import { self } from "../lab/process.ts";
import { isHostLab } from "../lab/ready.ts";
import { type Hypothesis, mitigationsOf } from "../model/schedule.ts";
import type { Verdict } from "../model/verdict.ts";
import { chart } from "../report/chart.ts";
import { type Drawing, drawingOf } from "../report/html/drawing.ts";
import { writeReports } from "../report/reports.ts";
import { secondRows, secondsCsv } from "../report/series.ts";
import { describeEnvironment } from "./environment.ts";
import { LabSession, type SessionOptions } from "./lab-session.ts";
import { checkTargets, describeWindows, profileOf, windowsOf } from "./prepare.ts";
import { type Outcome, type Progress, runTrial } from "./runner.ts";
import { stabilityOf } from "./stability.ts";
import { freshName, type RunDocument, RunFolder, runName, trialName } from "./store.ts";

export interface RunOptions extends SessionOptions {
  /** The schedule's text, kept with the run. */
  source: string;
  /** Path of the schedule, for messages. */
  file: string;
  /** Folder that the run's own folder is made in. */
  out: string;
  profile: string;
  /** Of each hypothesis; null: as the schedule says. */
  repeats: number | null;
  onProgress: (progress: Progress) => void;
  /** Told of each verdict, once nothing of its trial is left. */
  onVerdict?: (verdict: Verdict) => Promise<void>;
}

export async function runSchedule(options: RunOptions): Promise<RunDocument> {
  const { schedule, signal, profile } = options;
  const booting = isHostLab(options.labName);
  if (booting) checkTargets(schedule, options.file);
  profileOf(schedule, profile, options.file);
  const programs = booting ? checkHost() : null;
  requireRoot("a run");
  const now = new Date();
  const repeats = options.repeats ?? schedule.repeats ?? 1;
  const folder = new RunFolder(options.out, freshName(options.out, runName(schedule.name, now)));
  const document: RunDocument = {
    run: folder.run,
    schedule: schedule.name,
    state: "running",
    started_at: now.toISOString(),
    ended_at: null,
    owner: self(),
    seed: schedule.seed,
    rate: schedule.load.rate,
    profile,
    repeats,
    folder: folder.path,
    environment: await describeEnvironment(programs),
    verdicts: [],
    stability: [],
  };
  folder.writeSchedule(options.source, schedule.load);
  folder.writeDocument(document);

  const kept: Kept = { folder, document, drawings: new Map() };
  try {
    await runAll(options, kept);
    document.state = "complete";
  } catch (error) {
    document.state = signal.aborted ? "aborted" : "failed";
    throw error;
  } finally {
    document.ended_at = new Date().toISOString();
    document.stability = stabilityOf(document.verdicts);
    folder.writeDocument(document);
    const stored = { folder: folder.path, document, schedule, source: options.source };
    writeReports(folder, stored, kept.drawings);
  }
  return document;
}

/** What the run leaves, as it grows. */
interface Kept {
  folder: RunFolder;
  document: RunDocument;
  /** Of each trial by its name. */
  drawings: Map<string, Drawing>;
}

interface Planned {
  hypothesis: Hypothesis;
  repeat: number;
}

/** Every hypothesis, and each as often as it is to be repeated: first all once, then all again. */
async function runAll(options: RunOptions, kept: Kept): Promise<void> {
  const { schedule } = options;
  const queue: Planned[] = Array.from({ length: kept.document.repeats }, (_, i) =>
    schedule.hypotheses.map((hypothesis) => ({ hypothesis, repeat: i + 1 })),
  ).flat();
  while (queue.length > 0) {
    await using session = await LabSession.open(options);
    let fresh = session.isOwn;
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { verdict } = await runOne(next, session, fresh, options, kept);
      fresh = false;
      if (session.isOwn && queue.length > 0 && !cameBack(verdict)) {
        options.say("the system did not come back: the next trial gets a lab of its own");
        session.renew();
        break;
      }
    }
  }
}

/** A system that is still broken says nothing of the next fault. */
const cameBack = ({ fault_event, mttr_s, nodes_after }: Verdict): boolean =>
  fault_event === null ? true : mttr_s !== null && nodes_after.every(({ state }) => state === "ready");

/**
 * Services that have just been started compile their code, fill their caches and open their connections. At 500 rps their
 * p99 still rose after a warm-up of 8 s.
 */
const FRESH_LAB_WARM_UP = 2;

async function runOne(
  { hypothesis, repeat }: Planned,
  { lab, mitigations }: LabSession,
  fresh: boolean,
  options: RunOptions,
  kept: Kept,
): Promise<Outcome> {
  const { schedule, signal, say, onProgress } = options;
  const { folder, document } = kept;
  const name = trialName(hypothesis.name, repeat, document.repeats);
  const windows = windowsOf(profileOf(schedule, options.profile, options.file), hypothesis);
  if (fresh) windows.warmup_s *= FRESH_LAB_WARM_UP;
  say(`${name}: ${describeWindows(windows)} at ${schedule.load.rate} requests/s`);
  using file = folder.history(name);
  const outcome = await runTrial({
    lab,
    schedule,
    hypothesis,
    mitigations: mitigationsOf(hypothesis, schedule) ?? mitigations,
    repeat,
    windows,
    file,
    signal,
    say,
    onProgress,
  }).catch((error: unknown) => {
    throw signal.aborted ? stoppedBy(signal, lab, folder) : error;
  });
  keep(outcome, name, kept);
  await options.onVerdict?.(outcome.verdict);
  if (signal.aborted) throw stoppedBy(signal, lab, folder);
  return outcome;
}

function keep({ verdict, trial }: Outcome, name: string, { folder, document, drawings }: Kept): void {
  document.verdicts.push(verdict);
  folder.write(`seconds-${name}.csv`, secondsCsv(secondRows(trial.measurements)));
  folder.write(`chart-${name}.svg`, chart(trial));
  drawings.set(name, drawingOf(trial, name));
  folder.writeDocument(document);
}

function stoppedBy(signal: AbortSignal, lab: Lab, folder: RunFolder): ChaoslabError {
  const open = openFaults(lab.paths.journal).length;
  return new ChaoslabError(
    "aborted",
    `stopped by ${String(signal.reason)}; ${open === 0 ? "nothing is left of the fault" : "the fault is not reverted yet, the guard goes on"}`,
    `partial record in ${folder.path}`,
  );
}
