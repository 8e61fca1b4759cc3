/** `chaoslab run` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, numberFlag, parseNumber, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { runSchedule } from "../experiment/run.ts";
import { loadSchedule } from "../experiment/schedule-file.ts";
import { checkLabName } from "../lab/host/record.ts";
import { RESULTS, type Result } from "../model/verdict.ts";
import { liveLine } from "../report/live.ts";
import { terminalReport } from "../report/terminal.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const file = args[0] ?? "";
  const failOn = resultsFlag(flags);
  const json = booleanFlag(flags, "json");
  const given = textFlag(flags, "rate");
  const rate = given === undefined ? undefined : parseNumber("rate", given, { min: 0.1, max: 100_000 });
  const loaded = loadSchedule(file, rate);
  const { schedule } = loaded;
  schedule.seed = numberFlag(flags, "seed", schedule.seed, { min: 0, max: 4_294_967_295, integer: true });
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  const { signal, dispose } = abortOnSignals();
  try {
    const document = await runSchedule({
      ...loaded,
      file,
      labName: checkLabName(textFlag(flags, "lab") ?? "lab"),
      out: textFlag(flags, "out") ?? "results",
      quick: booleanFlag(flags, "quick"),
      keep: booleanFlag(flags, "keep"),
      signal,
      say: (line) => progress.say(line),
      onProgress: (now) => progress.tick(liveLine(now, schedule.load.timeout_s * 1000)),
    });
    progress.end();
    process.stdout.write(json ? `${JSON.stringify(document)}\n` : terminalReport(document, process.stdout));
    return document.verdicts.some((verdict) => failOn.includes(verdict.result))
      ? ExitCode.thresholdsFailed
      : ExitCode.ok;
  } finally {
    progress.end();
    dispose();
  }
}

function resultsFlag(flags: Flags): Result[] {
  const text = textFlag(flags, "fail-on");
  if (text === undefined) return [];
  return text.split(",").map((word) => {
    const found = RESULTS.find((result) => result === word.trim());
    if (!found)
      throw new ChaoslabError(
        "usage",
        `--fail-on: ${JSON.stringify(word)} is not one of ${RESULTS.join(", ")}`,
      );
    return found;
  });
}
