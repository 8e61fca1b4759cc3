/**
 * `chaoslab load <url>`: drives a target with an open-model, seeded load.
 * @module
 */
import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, choiceFlag, durationFlag, type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { Progress } from "../cli/terminal.ts";
import { ARRIVAL_MODELS } from "../load/arrivals.ts";
import { createTickLine, summaryTable } from "../load/describe.ts";
import { Output } from "../load/output.ts";
import { isLostLabAddress } from "../load/reach.ts";
import { type LoadOptions, runLoad } from "../load/run.ts";
import { scheduleLines } from "../load/schedule.ts";
import { fetchTokens } from "../load/tokens.ts";
import type { LoadRecord } from "../model/load.ts";

/** When piped. Just below five ticks, so that a tick a little early is not held back until the next. */
const PLAIN_LINE_EVERY_MS = 4_900;

/** Ahead of the system under test, so that its work cannot delay the schedule. */
const PRIORITY = -10;

export async function run(args: string[], flags: Flags): Promise<number> {
  const options = readOptions(args, flags);
  if (textFlag(flags, "print-schedule") !== undefined) {
    return printSchedule(options, numberFlag(flags, "print-schedule", 0, { min: 1, integer: true }));
  }
  return drive(options, flags);
}

function readOptions(args: string[], flags: Flags): LoadOptions {
  const tenants = numberFlag(flags, "tenants", 20, { min: 1, max: 10_000, integer: true });
  return {
    target: readTarget(args[0] ?? ""),
    rate: numberFlag(flags, "rate", 100, { min: 0.001, max: 1_000_000 }),
    durationMs: durationFlag(flags, "for", 10_000, 1),
    seed: numberFlag(flags, "seed", 1, { min: 0, max: 2 ** 32 - 1, integer: true }),
    reads: numberFlag(flags, "reads", 0.8, { min: 0, max: 1 }),
    tenants,
    orders: numberFlag(flags, "orders", 10_000, { min: tenants, max: 10_000_000, integer: true }),
    products: numberFlag(flags, "products", 1_000, { min: 1, max: 10_000, integer: true }),
    timeoutMs: durationFlag(flags, "timeout", 5_000, 1),
    maxConnections: numberFlag(flags, "connections", 1_000, { min: 1, max: 60_000, integer: true }),
    arrivals: choiceFlag(flags, "arrivals", ARRIVAL_MODELS, "poisson"),
  };
}

function readTarget(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain = url?.protocol === "http:" && !url.username && !url.password && !url.search && !url.hash;
  if (url === null || !plain) {
    const hint = "give http://host:port, perhaps with a path; https is not supported";
    throw new ChaoslabError("usage", `load: not a target: ${text}`, hint);
  }
  if (isLostLabAddress(url.hostname, readFileSync("/proc/net/route", "utf8"))) {
    throw new ChaoslabError(
      "notFound",
      `load: no lab is up at ${url.hostname}`,
      "chaoslab status shows the labs",
    );
  }
  return url;
}

async function printSchedule(options: LoadOptions, count: number): Promise<number> {
  const output = new Output(() => {});
  let printed = 0;
  for (const line of scheduleLines(options)) {
    output.line(line);
    // In portions: a long schedule must not be queued in memory, and a reader such as head may leave.
    if (++printed % 1_000 === 0) await output.flush();
    if (printed === count || output.closed) break;
  }
  await output.flush();
  return ExitCode.ok;
}

async function drive(options: LoadOptions, flags: Flags): Promise<number> {
  const json = booleanFlag(flags, "json");
  const stream = booleanFlag(flags, "stream");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  const tickLine = createTickLine(options.rate);
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
    const tokens = await fetchTokens(options.target, options.tenants, options.timeoutMs);
    raisePriority();
    const summary = await runLoad(options, { tokens, emit, signal: stop.signal });
    progress.end();
    if (json && !stream) output.line(JSON.stringify(summary, null, 2));
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
