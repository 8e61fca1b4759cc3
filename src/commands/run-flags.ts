/** The flags by which a schedule is run: those of `run`, and of `gate` where it runs one. */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { booleanFlag, type Flags, numberFlag, parseNumber, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { suggestion } from "../config/nearest.ts";
import { type RunOptions, runSchedule } from "../experiment/run.ts";
import { loadSchedule } from "../experiment/schedule-file.ts";
import type { RunDocument } from "../experiment/store.ts";
import { type Hypothesis, operationsOf, type Schedule } from "../model/schedule.ts";
import { annotationsOf, Grafana } from "../observe/grafana.ts";
import { liveLine } from "../report/live.ts";
import { labFlag } from "./lab-flag.ts";

/** Checks the flags and reads the schedule; touches nothing before what it returns is called. */
export function prepareRun(file: string, flags: Flags): () => Promise<RunDocument> {
  const chosen = readChoice(file, flags);
  const { schedule } = chosen;
  schedule.seed = numberFlag(flags, "seed", schedule.seed, { min: 0, max: 4_294_967_295, integer: true });
  const out = textFlag(flags, "out") ?? "results";
  const options = { ...chosen, out, keep: booleanFlag(flags, "keep") };
  const quiet = booleanFlag(flags, "quiet");
  const url = textFlag(flags, "grafana");
  const grafana = url === undefined ? null : new Grafana(url, process.env.GRAFANA_TOKEN || null);
  return () => watched(options, quiet, grafana);
}

/** A schedule, and what of it is to be run where: what `run` and `plan` have in common. */
export function readChoice(file: string, flags: Flags) {
  const whole = { min: 1, max: 100, integer: true };
  const repeats = flags.repeats === undefined ? null : numberFlag(flags, "repeats", 1, whole);
  const given = textFlag(flags, "rate");
  const rate = given === undefined ? undefined : parseNumber("rate", given, { min: 0.1, max: 100_000 });
  const labName = labFlag(flags);
  const { schedule, source } = loadSchedule(file, rate);
  const only = textFlag(flags, "only");
  if (only !== undefined) schedule.hypotheses = chosenOf(schedule, only.split(","), file);
  return {
    schedule,
    source,
    file,
    labName,
    profile: profileFlag(flags) ?? schedule.profile ?? "full",
    repeats,
  };
}

/** The hypotheses of these names, in the schedule's order. */
function chosenOf({ hypotheses }: Schedule, names: readonly string[], file: string): Hypothesis[] {
  const known = hypotheses.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ChaoslabError(
      "usage",
      `--only: ${file} has no hypothesis ${JSON.stringify(unknown)}${suggestion(unknown, known)}; it has ${known.join(", ")}`,
    );
  }
  return hypotheses.filter(({ name }) => names.includes(name));
}

function profileFlag(flags: Flags): string | undefined {
  const profile = textFlag(flags, "profile");
  const quick = booleanFlag(flags, "quick");
  if (quick && profile !== undefined && profile !== "quick") {
    throw new ChaoslabError("usage", `--quick means --profile quick, and --profile ${profile} was given too`);
  }
  return profile ?? (quick ? "quick" : undefined);
}

/** Runs with progress on stderr; signals stop it in order. */
async function watched(
  options: Omit<RunOptions, "signal" | "say" | "onProgress" | "onVerdict">,
  quiet: boolean,
  grafana: Grafana | null,
): Promise<RunDocument> {
  const progress = new Progress({ quiet });
  const { signal, dispose } = abortOnSignals();
  const { schedule } = options;
  const timeoutMs = schedule.load.timeout_s * 1000;
  try {
    return await runSchedule({
      ...options,
      signal,
      say: (line) => progress.say(line),
      onProgress: (now) => progress.tick(liveLine(now, timeoutMs, operationsOf(schedule.load))),
      onVerdict: async (verdict) => {
        // A board without its windows is no reason to give up a run.
        for (const annotation of grafana ? annotationsOf(verdict) : []) {
          await grafana?.annotate(annotation).catch((error: unknown) => progress.say(reasonOf(error)));
        }
      },
    });
  } finally {
    progress.end();
    dispose();
  }
}
