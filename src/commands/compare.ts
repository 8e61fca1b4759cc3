/** `chaoslab compare` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { writeOutput } from "../cli/output.ts";
import { painter } from "../cli/terminal.ts";
import { compareRuns, type Side } from "../experiment/compare.ts";
import { readRun, type StoredRun } from "../experiment/store.ts";
import { comparisonTable, headline } from "../report/comparison.ts";
import { comparisonReport } from "../report/html/pages.ts";
import { textTable } from "../report/terminal.ts";

export async function run([before, after, ...more]: string[], flags: Flags): Promise<number> {
  if (before === undefined || after === undefined || more.length > 0) {
    throw new ChaoslabError("usage", "compare: two runs are needed", "chaoslab compare results/a results/b");
  }
  const sides = [sideOf(before), sideOf(after)] as const;
  const comparisons = compareRuns(...sides);
  const htmlFile = textFlag(flags, "html");
  if (htmlFile !== undefined) {
    const [{ run: first }, { run: second }] = sides;
    writeOutput("html", htmlFile, comparisonReport(first, second, comparisons));
  }
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
function sideOf(text: string): Side & { run: StoredRun } {
  const [path = "", hypothesis] = text.split("#");
  const run = readRun(path);
  return { run, document: run.document, hypothesis: hypothesis || null };
}
