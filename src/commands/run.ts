/** `chaoslab run` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { requireWritable, writeOutput } from "../cli/output.ts";
import { RESULTS, type Result } from "../model/verdict.ts";
import { junit } from "../report/junit.ts";
import { terminalReport } from "../report/terminal.ts";
import { suiteOf } from "../report/verdict-suite.ts";
import { prepareRun } from "./run-flags.ts";

/** What `--fail-on` takes besides results: a result that is not the one the schedule expects. */
const UNEXPECTED = "unexpected";

export async function run([file = ""]: string[], flags: Flags): Promise<number> {
  const failOn = failOnFlag(flags);
  const json = booleanFlag(flags, "json");
  const junitFile = textFlag(flags, "junit");
  requireWritable("junit", junitFile);
  const document = await prepareRun(file, flags)();
  if (junitFile !== undefined) writeOutput("junit", junitFile, junit([suiteOf(document)]));
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : terminalReport(document, process.stdout));
  const fails = document.verdicts.some(
    ({ result, as_expected }) =>
      failOn.includes(result) || (failOn.includes(UNEXPECTED) && as_expected === false),
  );
  return fails ? ExitCode.thresholdsFailed : ExitCode.ok;
}

function failOnFlag(flags: Flags): (Result | typeof UNEXPECTED)[] {
  const text = textFlag(flags, "fail-on");
  if (text === undefined) return [];
  const accepted = [...RESULTS, UNEXPECTED] as const;
  return text.split(",").map((word) => {
    const found = accepted.find((each) => each === word.trim());
    if (found) return found;
    throw new ChaoslabError(
      "usage",
      `--fail-on: ${JSON.stringify(word)} is not one of ${accepted.join(", ")}`,
    );
  });
}
