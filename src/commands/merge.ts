/**
 * `chaoslab merge`: puts the results of a load's shards together.
 * @module
 */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, durationFlag, type Flags, textFlag } from "../cli/flags.ts";
import { mergedLine, summaryTable } from "../load/describe.ts";
import { makeHgrmFolder, writeHgrm } from "../load/hgrm.ts";
import { Output } from "../load/output.ts";
import { readSaved } from "../load/saved.ts";
import { together, whyNotTogether } from "../load/together.ts";

export async function run(files: string[], flags: Flags): Promise<number> {
  const json = booleanFlag(flags, "json");
  const hgrm = textFlag(flags, "hgrm");
  const maxSpreadMs = durationFlag(flags, "max-spread", 1_000);
  if (files.length === 0) throw new ChaoslabError("usage", "merge: no file given", "e.g. 1.json 2.json");
  const parts = await Promise.all(files.map(readSaved));
  const why = whyNotTogether(parts, maxSpreadMs);
  if (why !== null) throw new ChaoslabError("badConfig", `merge: ${why}`);
  const summary = together(parts);
  if (hgrm !== undefined) {
    makeHgrmFolder(hgrm);
    writeHgrm(hgrm, summary);
  }
  const output = new Output(() => {});
  output.line(json ? JSON.stringify(summary) : `${summaryTable(summary)}\n${mergedLine(summary)}`);
  await output.flush();
  return ExitCode.ok;
}
