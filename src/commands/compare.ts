/** `chaoslab compare` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { painter } from "../cli/terminal.ts";
import { compareRuns, type Side } from "../experiment/compare.ts";
import { readRun } from "../experiment/store.ts";
import { comparisonTable, headline } from "../report/comparison.ts";
import { textTable } from "../report/terminal.ts";

export async function run([before, after, ...more]: string[], flags: Flags): Promise<number> {
  if (before === undefined || after === undefined || more.length > 0) {
    throw new ChaoslabError("usage", "compare: two runs are needed", "chaoslab compare results/a results/b");
  }
  const comparisons = compareRuns(sideOf(before), sideOf(after));
  if (booleanFlag(flags, "json")) {
    process.stdout.write(`${JSON.stringify({ comparisons })}\n`);
    return ExitCode.ok;
  }
  const paint = painter(process.stdout);
  const blocks = comparisons.map(
    (each) => `${paint("bold", headline(each))}\n${textTable(comparisonTable(each))}`,
  );
  process.stdout.write(`${blocks.join("\n\n")}\n`);
  return ExitCode.ok;
}

/** `run` or `run#hypothesis`. */
function sideOf(text: string): Side {
  const [path = "", hypothesis] = text.split("#");
  return { document: readRun(path).document, hypothesis: hypothesis || null };
}
