/**
 * `chaoslab load`: drives a target with an open-model, seeded load.
 * @module
 */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { Progress } from "../cli/terminal.ts";
import { summaryTable, thresholdTable } from "../load/describe.ts";
import { Followers } from "../load/follow.ts";
import { makeHgrmFolder, writeHgrm } from "../load/hgrm.ts";
import { LoadMetrics } from "../load/metrics.ts";
import { serveMetrics } from "../load/metrics-server.ts";
import { Output } from "../load/output.ts";
import { type ReadyLoad, readyHere, runAt } from "../load/ready.ts";
import type { LoadOptions } from "../load/run.ts";
import { scheduleLines } from "../load/schedule.ts";
import { askTokens, offlineWorkload, prepareWorkload, type Source } from "../load/source.ts";
import { readyWorkers } from "../load/workers.ts";
import type { JudgedSummary, LoadRecord } from "../model/load.ts";
import {
  readLimits,
  readLoadThresholds,
  readMetrics,
  readSource,
  readStages,
  readWorkers,
} from "./load-flags.ts";
import { withScenarioDefaults } from "./scenario-flags.ts";

/** Of the countdown, when piped. */
const PLAIN_LINE_EVERY_MS = 4_900;

/** Why a load was stopped before its time, where it was not by a signal. */
const BREACH = "threshold breached";

/** What to send, and how; the workload itself is made when it is time to send. */
type Plan = Omit<LoadOptions, "workload"> & { source: Source };

export async function run(args: string[], given: Flags): Promise<number> {
  const source = await readSource(args, given);
  const flags = source.kind === "scenario" ? withScenarioDefaults(source.scenario, given) : given;
  const plan: Plan = { source, stages: readStages(flags), ...readLimits(flags) };
  if (textFlag(flags, "print-schedule") !== undefined) {
    return printSchedule(plan, numberFlag(flags, "print-schedule", 0, { min: 1, integer: true }));
  }
  return drive(plan, args, flags);
}

async function printSchedule(plan: Plan, count: number): Promise<number> {
  const output = new Output(() => {});
  let printed = 0;
  for (const line of scheduleLines(offlineWorkload(plan.source), plan)) {
    output.line(line);
    // In portions: a long schedule must not be queued in memory, and a reader such as head may leave.
    if (++printed % 1_000 === 0) await output.flush();
    if (printed === count || output.closed) break;
  }
  await output.flush();
  return ExitCode.ok;
}

/** Gets the load ready: in this process, or in workers of it. */
async function prepare(plan: Plan, workers: number, args: string[], given: Flags): Promise<ReadyLoad> {
  const { source, ...options } = plan;
  const { timeoutMs, shard, maxConnections, maxInFlight } = options;
  if (workers > 1 && source.kind === "scenario" && (source.scenario.setup ?? []).length > 0) {
    const why = "each worker would make the setup's requests again";
    throw new ChaoslabError("usage", `--workers: ${why}`, "one worker, or a scenario without setup");
  }
  if (workers === 1) return readyHere({ ...options, workload: await prepareWorkload(source, timeoutMs) });
  const tokens = await askTokens(source, timeoutMs);
  // Workers are told when to start.
  const flags = { ...given, startAt: undefined };
  return readyWorkers(workers, { kind: "job", args, flags, shard, maxConnections, maxInFlight, tokens });
}

async function drive(plan: Plan, args: string[], flags: Flags): Promise<number> {
  const json = booleanFlag(flags, "json");
  const stream = booleanFlag(flags, "stream");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  const hgrm = textFlag(flags, "hgrm");
  const workers = readWorkers(flags, plan);
  const served = readMetrics(flags);
  const metrics = served && new LoadMetrics(plan.stages, plan.limits);
  const stop = new AbortController();
  const abort = (): void => stop.abort(BREACH);
  const thresholds = readLoadThresholds(plan.source, flags);
  const followers = new Followers({ ...plan, thresholds, metrics, progress, abort });
  if (hgrm !== undefined) makeHgrmFolder(hgrm);
  const output = new Output(() => stop.abort());
  const emit = (record: LoadRecord): void => {
    if (stream) {
      if (output.closed)
        throw new ChaoslabError("aborted", "load: stopped, nobody reads the stream on stdout");
      output.line(JSON.stringify(record.kind === "summary" ? followers.judge(record) : record));
    }
    followers.record(record, stop.signal.aborted);
  };
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(ExitCode.aborted);
    stop.abort();
    progress.say("stopping: waiting for requests on their way (again to exit at once)");
  };

  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    using server = metrics && serveMetrics(metrics, served.address, served.token);
    if (server) progress.say(`metrics at ${server.url}${served?.token ? ", token needed" : ""}`);
    const hooks = { emit, signal: stop.signal };
    const countDown = (left: number): void => progress.tick(`starts in ${left} s`, PLAIN_LINE_EVERY_MS);
    const ended = await runAt(plan.startAt, () => prepare(plan, workers, args, flags), hooks, countDown);
    const summary = followers.judge(ended);
    progress.end();
    if (json && !stream) output.line(JSON.stringify(summary));
    else if (!stream) output.line(inWords(summary, plan.timeoutMs));
    await output.flush();
    if (hgrm !== undefined) writeHgrm(hgrm, summary);
    if (stop.signal.aborted && stop.signal.reason !== BREACH) return ExitCode.aborted;
    return summary.thresholds.every(({ ok }) => ok) ? ExitCode.ok : ExitCode.thresholdsFailed;
  } finally {
    progress.end();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function inWords(summary: JudgedSummary, timeoutMs: number): string {
  const { thresholds } = summary;
  const judged = thresholds.length > 0 ? [thresholdTable(thresholds, timeoutMs)] : [];
  return [summaryTable(summary), ...judged].join("\n\n");
}
