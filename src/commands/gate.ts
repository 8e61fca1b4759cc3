/** `chaoslab gate` */
import { statSync } from "node:fs";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, numberFlag, textFlag } from "../cli/flags.ts";
import { requireWritable, writeOutput } from "../cli/output.ts";
import { painter } from "../cli/terminal.ts";
import { baselineOf, type Judged, judgeAgainst, readBaseline, retried } from "../experiment/gate.ts";
import { type RunDocument, readRun } from "../experiment/store.ts";
import { junit } from "../report/junit.ts";
import { textTable } from "../report/terminal.ts";
import { gateSuiteOf } from "../report/verdict-suite.ts";
import { prepareRun } from "./run-flags.ts";

export async function run([what = ""]: string[], flags: Flags): Promise<number> {
  const against = textFlag(flags, "against");
  if (against === undefined) throw new ChaoslabError("usage", "--against: the baseline's file is needed");
  const update = booleanFlag(flags, "update");
  const json = booleanFlag(flags, "json");
  const junitFile = textFlag(flags, "junit");
  const retries = numberFlag(flags, "retries", 0, { min: 0, max: 10, integer: true });
  requireWritable("junit", junitFile);
  if (retries > 0 && isRun(what))
    throw new ChaoslabError("usage", "--retries: a run that was kept cannot be run again; name its schedule");
  // Before anything is run for minutes.
  const baseline = update ? null : readBaseline(against);
  const document = await documentOf(what, flags);
  if (baseline === null) {
    requireComplete(document);
    writeOutput("against", against, `${JSON.stringify(baselineOf(document), null, 2)}\n`);
    process.stdout.write(
      json
        ? `${JSON.stringify(baselineOf(document))}\n`
        : `${against}: ${document.verdicts.length} verdicts of ${document.run}\n`,
    );
    return ExitCode.ok;
  }
  if (baseline.schedule !== document.schedule || baseline.profile !== document.profile) {
    throw new ChaoslabError(
      "badConfig",
      `--against: ${against} is of schedule ${baseline.schedule}, profile ${baseline.profile}; the run is of ${document.schedule}, ${document.profile}`,
    );
  }
  const judged = await retried(judgeAgainst(baseline, document), retries, async (only) =>
    judgeAgainst(baseline, await prepareRun(what, { ...flags, only: only.join(",") })()),
  );
  if (junitFile !== undefined) writeOutput("junit", junitFile, junit([gateSuiteOf(document, judged)]));
  process.stdout.write(
    json ? `${JSON.stringify({ run: document.folder, judged })}\n` : text(document, judged),
  );
  return judged.some(({ state }) => state === "regressed") ? ExitCode.thresholdsFailed : ExitCode.ok;
}

const isRun = (what: string): boolean =>
  what.endsWith("verdicts.json") || statSync(what, { throwIfNoEntry: false })?.isDirectory() === true;

/** A run that was kept, or a schedule that is run now. */
const documentOf = async (what: string, flags: Flags): Promise<RunDocument> =>
  isRun(what) ? readRun(what).document : prepareRun(what, flags)();

function requireComplete({ state, folder }: RunDocument): void {
  if (state === "complete") return;
  throw new ChaoslabError("badConfig", `${folder}: the run was not completed (${state}): no baseline`);
}

function text(document: RunDocument, judged: readonly Judged[]): string {
  const paint = painter(process.stdout);
  const table = textTable({
    heading: ["hypothesis", "baseline", "now", "gate"],
    rows: judged.map(({ hypothesis, baseline, result, state }) => [
      hypothesis,
      baseline ?? "none",
      result ?? "none",
      state,
    ]),
  });
  const regressed = judged.filter(({ state }) => state === "regressed");
  const why = regressed.flatMap(({ hypothesis, reasons }) =>
    reasons.map((reason) => `  ${hypothesis}: ${reason}`),
  );
  const end =
    regressed.length === 0
      ? paint("green", "gate: passed")
      : paint("red", `gate: ${regressed.length} of ${judged.length} regressed`);
  return `${[table, ...(why.length > 0 ? [why.join("\n")] : []), `${end}; kept in ${document.folder}`].join("\n\n")}\n`;
}
