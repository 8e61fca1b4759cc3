/**
 * Runs a whole schedule: a lab if none is up, each hypothesis in turn, the run's folder, and everything put back.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { startGuard } from "../faults/guard.ts";
import { openFaults } from "../faults/journal.ts";
import { isInForce, revertAll } from "../faults/revert.ts";
import { type BootedLab, bootLab, findLab, type HostLab, stepLine } from "../lab/host/lab.ts";
import { clearRemains } from "../lab/host/manage.ts";
import { readMitigations, switchMitigations } from "../lab/host/mitigations.ts";
import { checkHost } from "../lab/host/prerequisites.ts";
import { DEFAULT_SEEDED } from "../lab/host/record.ts";
import { self } from "../lab/process.ts";
import type { Mitigation } from "../model/mitigations.ts";
import { mitigationsOf, type Schedule } from "../model/schedule.ts";
import { chart } from "../report/chart.ts";
import { markdownReport } from "../report/markdown.ts";
import { secondRows, secondsCsv } from "../report/series.ts";
import { describeEnvironment } from "./environment.ts";
import { lockRun } from "./lock.ts";
import { checkTargets, describeWindows, needsProxies, profileOf, specsOf, windowsOf } from "./prepare.ts";
import { type Outcome, type Progress, runTrial } from "./runner.ts";
import { stabilityOf } from "./stability.ts";
import { freshName, type RunDocument, RunFolder, runName, trialName } from "./store.ts";

export interface RunOptions {
  schedule: Schedule;
  /** The schedule's text, kept with the run. */
  source: string;
  /** Path of the schedule, for messages. */
  file: string;
  labName: string;
  /** Folder that the run's own folder is made in. */
  out: string;
  profile: string;
  /** Of each hypothesis; null: as the schedule says. */
  repeats: number | null;
  /** Leave a lab up that this run booted. */
  keep: boolean;
  signal: AbortSignal;
  say: (line: string) => void;
  onProgress: (progress: Progress) => void;
}

export async function runSchedule(options: RunOptions): Promise<RunDocument> {
  const { schedule, signal, profile } = options;
  checkTargets(schedule, options.file);
  profileOf(schedule, profile, options.file);
  const programs = checkHost();
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
  folder.writeSchedule(options.source);
  folder.writeDocument(document);

  let booted: BootedLab | null = null;
  try {
    const opened = await openLab(options);
    booted = opened.booted;
    const before = readMitigations(opened.lab.paths);
    try {
      await runAll(opened.lab, before, options, folder, document);
    } finally {
      // A lab that was up is left as it was found.
      if (!booted || options.keep) await switchMitigations(opened.lab, before);
    }
    document.state = "complete";
  } catch (error) {
    document.state = signal.aborted ? "aborted" : "failed";
    throw error;
  } finally {
    document.ended_at = new Date().toISOString();
    document.stability = stabilityOf(document.verdicts);
    folder.writeDocument(document);
    folder.write("report.md", markdownReport(document, schedule));
    await closeLab(booted, options);
  }
  return document;
}

/**
 * Every hypothesis, and each as often as it is to be repeated: first all once, then all again.
 * @param mitigations of the lab, for hypotheses that do not say.
 */
async function runAll(
  lab: HostLab,
  mitigations: readonly Mitigation[],
  options: RunOptions,
  folder: RunFolder,
  document: RunDocument,
): Promise<void> {
  const { schedule, labName, signal, say } = options;
  const { repeats } = document;
  using _lock = lockRun(lab.paths.runLock, labName);
  await requireNoFault(lab);
  await using _guard = await startGuard(lab.paths.journal);
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const hypothesis of schedule.hypotheses) {
      const name = trialName(hypothesis.name, repeat, repeats);
      const windows = windowsOf(profileOf(schedule, options.profile, options.file), hypothesis);
      say(`${name}: ${describeWindows(windows)} at ${schedule.load.rate} requests/s`);
      using file = folder.history(name);
      const { onProgress } = options;
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
      keep(outcome, name, folder, document);
      if (signal.aborted) throw stoppedBy(signal, lab, folder);
    }
  }
}

/** Takes back what another run may have left. A baseline beside a fault is none. */
async function requireNoFault(lab: HostLab): Promise<void> {
  const left = (await revertAll(lab.paths.journal)).filter(isInForce);
  if (left.length === 0) return;
  const why = left.map(({ event, error }) => `${event.id} (${error ?? event.remains})`).join(", ");
  throw new ChaoslabError("labFailed", `lab ${lab.name}: a fault is still in force: ${why}`);
}

function keep({ verdict, trial }: Outcome, name: string, folder: RunFolder, document: RunDocument): void {
  document.verdicts.push(verdict);
  folder.write(`seconds-${name}.csv`, secondsCsv(secondRows(trial.measurements)));
  folder.write(`chart-${name}.svg`, chart(trial));
  folder.writeDocument(document);
}

function stoppedBy(signal: AbortSignal, lab: HostLab, folder: RunFolder): ChaoslabError {
  const open = openFaults(lab.paths.journal).length;
  return new ChaoslabError(
    "aborted",
    `stopped by ${String(signal.reason)}; ${open === 0 ? "nothing is left of the fault" : "the fault is not reverted yet, the guard goes on"}`,
    `partial record in ${folder.path}`,
  );
}

/** The lab of that name if one is up, else one that is this run's own. */
async function openLab({
  schedule,
  labName,
  signal,
  say,
}: RunOptions): Promise<{ lab: HostLab; booted: BootedLab | null }> {
  const present = findLab(labName);
  if (present?.state === "ready") {
    const waiting = (await present.nodes()).filter((node) => node.state !== "ready").map((node) => node.name);
    if (waiting.length > 0) {
      throw new ChaoslabError(
        "labFailed",
        `lab ${labName}: not ready: ${waiting.join(", ")}`,
        `chaoslab status --lab ${labName}`,
      );
    }
    const { tenants } = present.record.seeded;
    if (tenants !== schedule.load.tenants) {
      throw new ChaoslabError(
        "badConfig",
        `load.tenants: ${schedule.load.tenants}, but lab ${labName} is up with ${tenants}`,
        "use --lab for a lab of its own",
      );
    }
    checkAgainst(present, schedule);
    say(`using lab ${labName}, which is up`);
    return { lab: present, booted: null };
  }
  await clearRemains(labName, say);
  say(`booting lab ${labName}`);
  const { orders = DEFAULT_SEEDED.orders, products = DEFAULT_SEEDED.products } = schedule.lab ?? {};
  const seeded = { orders, products, tenants: schedule.load.tenants };
  const toxiproxy = needsProxies(schedule) ? { url: null } : null;
  const booted = await bootLab(labName, seeded, (step) => say(stepLine(step)), signal, toxiproxy);
  say(`lab ${labName} is ready after ${(booted.ms / 1000).toFixed(1)} s`);
  return { lab: booted.lab, booted };
}

/** Leaves the host as it was found: a lab that this run booted goes down, unless it is to be kept. */
async function closeLab(booted: BootedLab | null, { keep, labName, signal, say }: RunOptions): Promise<void> {
  if (!booted) return;
  if (keep && !signal.aborted) {
    await booted.detach();
    say(`lab ${labName} stays up: chaoslab down --lab ${labName} removes it`);
    return;
  }
  say(`taking lab ${labName} down`);
  await booted.down();
}

/** What a schedule asks of a lab that is up, before anything is done to it. */
function checkAgainst(lab: HostLab, schedule: Schedule): void {
  const faults = schedule.hypotheses.flatMap(specsOf);
  if (faults.some(({ type }) => type === "toxic")) lab.requireProxies();
  for (const fault of faults) lab.targetsOf(fault);
}
