/**
 * `chaoslab load`: drives a target with an open-model, seeded load.
 * @module
 */
import { setPriority } from "node:os";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { Progress } from "../cli/terminal.ts";
import { createTickLine, summaryTable } from "../load/describe.ts";
import { Output } from "../load/output.ts";
import { type LoadOptions, runLoad } from "../load/run.ts";
import { scheduleLines } from "../load/schedule.ts";
import { offlineWorkload, prepareWorkload, type Source } from "../load/source.ts";
import type { LoadRecord } from "../model/load.ts";
import { readLimits, readSource, readStages } from "./load-flags.ts";

/** When piped. Just below five ticks, so that a tick a little early is not held back until the next. */
const PLAIN_LINE_EVERY_MS = 4_900;

/** Ahead of the system under test, so that its work cannot delay the schedule. */
const PRIORITY = -10;

/** What to send, and how; the workload itself is made when it is time to send. */
type Plan = Omit<LoadOptions, "workload"> & { source: Source };

export async function run(args: string[], flags: Flags): Promise<number> {
  const plan: Plan = { source: readSource(args, flags), stages: readStages(flags), ...readLimits(flags) };
  if (textFlag(flags, "print-schedule") !== undefined) {
    return printSchedule(plan, numberFlag(flags, "print-schedule", 0, { min: 1, integer: true }));
  }
  return drive(plan, flags);
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

async function drive({ source, ...options }: Plan, flags: Flags): Promise<number> {
  const json = booleanFlag(flags, "json");
  const stream = booleanFlag(flags, "stream");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  const tickLine = createTickLine(options.stages);
  const stop = new AbortController();
  const output = new Output(() => stop.abort());
  const emit = (record: LoadRecord): void => {
    if (stream) {
      if (output.closed)
        throw new ChaoslabError("aborted", "load: stopped, nobody reads the stream on stdout");
      output.line(JSON.stringify(record));
    }
    if (record.kind === "tick") progress.tick(tickLine(record), PLAIN_LINE_EVERY_MS);
  };
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(ExitCode.aborted);
    stop.abort();
    progress.say("stopping: waiting for requests on their way (again to exit at once)");
  };

  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    const workload = await prepareWorkload(source, options.timeoutMs);
    raisePriority();
    const summary = await runLoad({ ...options, workload }, { emit, signal: stop.signal });
    progress.end();
    if (json && !stream) output.line(JSON.stringify(summary));
    else if (!stream) output.line(summaryTable(summary));
    await output.flush();
    return stop.signal.aborted ? ExitCode.aborted : ExitCode.ok;
  } finally {
    progress.end();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function raisePriority(): void {
  try {
    setPriority(PRIORITY);
  } catch {
    // Needs CAP_SYS_NICE. Without it the slip tells whether the schedule was kept.
  }
}
