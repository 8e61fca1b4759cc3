/**
 * Runs a whole schedule: a lab if none is up, each hypothesis in turn, the run's folder, and everything put back.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { startGuard } from "../faults/guard.ts";
import { openFaults } from "../faults/journal.ts";
import { isInForce, revertAll } from "../faults/revert.ts";
import { type BootedLab, bootLab, findLab, type HostLab, stepLine } from "../lab/host/lab.ts";
import { LINKS, type Link } from "../lab/host/links.ts";
import { clearRemains } from "../lab/host/manage.ts";
import { checkHost } from "../lab/host/prerequisites.ts";
import { DEFAULT_SEEDED } from "../lab/host/record.ts";
import { isPlace, PLACES, PROXY_NODE } from "../lab/host/topology.ts";
import type { FaultSpec } from "../model/fault.ts";
import { nodesNamedBy } from "../model/params.ts";
import type { Hypothesis, Schedule, Windows } from "../model/schedule.ts";
import { chart } from "../report/chart.ts";
import { markdownReport } from "../report/markdown.ts";
import { secondRows, secondsCsv } from "../report/series.ts";
import { describeEnvironment } from "./environment.ts";
import { lockRun } from "./lock.ts";
import { type Progress, runHypothesis } from "./runner.ts";
import { type RunDocument, RunFolder, runName } from "./store.ts";

export interface RunOptions {
  schedule: Schedule;
  /** The schedule's text, kept with the run. */
  source: string;
  /** Path of the schedule, for messages. */
  file: string;
  labName: string;
  /** Folder that the run's own folder is made in. */
  out: string;
  quick: boolean;
  /** Leave a lab up that this run booted. */
  keep: boolean;
  signal: AbortSignal;
  say: (line: string) => void;
  onProgress: (progress: Progress) => void;
}

export async function runSchedule(options: RunOptions): Promise<RunDocument> {
  const { schedule, labName, signal, say } = options;
  checkTargets(schedule, options.file);
  windowsOf(options, schedule.hypotheses[0]);
  const programs = checkHost();
  const now = new Date();
  const folder = new RunFolder(options.out, runName(schedule.name, now));
  const document: RunDocument = {
    run: folder.run,
    schedule: schedule.name,
    state: "running",
    started_at: now.toISOString(),
    ended_at: null,
    seed: schedule.seed,
    quick: options.quick,
    folder: folder.path,
    environment: await describeEnvironment(programs),
    verdicts: [],
  };
  folder.write("schedule.yaml", options.source);
  folder.writeDocument(document);

  const { lab, booted } = await openLab(options);
  try {
    using _lock = lockRun(lab.paths.runLock, labName);
    const left = (await revertAll(lab.paths.journal)).filter(isInForce);
    // A baseline beside another fault is none.
    if (left.length > 0) {
      const why = left.map(({ event, error }) => `${event.id} (${error ?? event.remains})`).join(", ");
      throw new ChaoslabError("labFailed", `lab ${labName}: a fault is still in force: ${why}`);
    }
    await using _guard = await startGuard(lab.paths.journal);
    for (const hypothesis of schedule.hypotheses) {
      using file = folder.history(hypothesis.name);
      const windows = windowsOf(options, hypothesis);
      say(`${hypothesis.name}: ${describeWindows(windows)} at ${schedule.load.rate} requests/s`);
      const { verdict, recorded } = await runHypothesis({
        lab,
        schedule,
        hypothesis,
        windows,
        file,
        signal,
        say,
        onProgress: options.onProgress,
      });
      document.verdicts.push(verdict);
      folder.write(`seconds-${hypothesis.name}.csv`, secondsCsv(secondRows(recorded)));
      folder.write(`chart-${hypothesis.name}.svg`, chart(recorded));
      folder.writeDocument(document);
    }
    document.state = "complete";
  } catch (error) {
    document.state = "aborted";
    if (!signal.aborted) throw error;
    const open = openFaults(lab.paths.journal).length;
    throw new ChaoslabError(
      "aborted",
      `stopped by ${String(signal.reason)}; ${open === 0 ? "nothing is left of the fault" : "the fault is not reverted yet, the guard goes on"}`,
      `partial record in ${folder.path}`,
    );
  } finally {
    document.ended_at = new Date().toISOString();
    folder.writeDocument(document);
    await closeLab(booted, options);
  }
  folder.write("report.md", markdownReport(document, schedule));
  return document;
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
  const seeded = { ...DEFAULT_SEEDED, tenants: schedule.load.tenants };
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

/** Every node that a fault names. */
const nodesOf = ({ target, params }: FaultSpec): string[] => [
  target,
  ...nodesNamedBy(params).map(({ node }) => node),
];

function checkTargets(schedule: Schedule, file: string): void {
  for (const { name, fault } of schedule.hypotheses) {
    for (const node of nodesOf(fault)) {
      if (isPlace(node)) continue;
      throw new ChaoslabError(
        "notFound",
        `${file}: ${name}: unknown target ${JSON.stringify(node)}`,
        `nodes of the lab: ${PLACES.join(", ")}`,
      );
    }
    const peer = nodesNamedBy(fault.params).find(({ field }) => field === "peer")?.node ?? null;
    const isMeant = ({ caller, callee }: Link) =>
      callee === fault.target && (peer === null || caller === peer);
    if (fault.type === "toxic" && !LINKS.some(isMeant)) {
      const why =
        peer === null
          ? `no service of the lab calls ${fault.target}`
          : `${peer} does not call ${fault.target}`;
      throw new ChaoslabError("badConfig", `${file}: ${name}: toxic: ${why}`);
    }
  }
}

/** Toxics act in proxies; a lab has them, and their node, only when it was booted so. */
function needsProxies({ hypotheses }: Schedule): boolean {
  return hypotheses.some(({ fault }) => fault.type === "toxic" || nodesOf(fault).includes(PROXY_NODE));
}

/** What a schedule asks of a lab that is up, before anything is done to it. */
function checkAgainst(lab: HostLab, schedule: Schedule): void {
  if (schedule.hypotheses.some(({ fault }) => fault.type === "toxic")) lab.requireProxies();
  for (const { fault } of schedule.hypotheses) lab.targetsOf(fault);
}

function windowsOf(
  { schedule, quick, file }: RunOptions,
  hypothesis: Hypothesis | undefined,
): Windows & { window_s: number } {
  if (!quick) return { ...schedule.windows, window_s: hypothesis?.window_s ?? 0 };
  if (!schedule.quick)
    throw new ChaoslabError("badConfig", `${file}: --quick needs the field quick`, "or run it in full");
  return schedule.quick;
}

function describeWindows(windows: Windows & { window_s: number }): string {
  return `${windows.warmup_s} s warm-up, ${windows.baseline_s} s baseline, ${windows.window_s} s fault, ${windows.recovery_s} s recovery`;
}
