/** A folder of documents made from runs. @module */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";
import type { StoredRun } from "../../experiment/store.ts";
import type { Experiment } from "../../model/schedule.ts";
import { chaosLog } from "./chaos-log.ts";
import { entriesOf, latest } from "./entries.ts";
import { experimentDocument } from "./experiment.ts";
import { findings } from "./findings.ts";
import type { Notes } from "./notes.ts";
import { steadyState } from "./steady-state.ts";

/**
 * Writes steady_state.md, an experiment-<id>.md for each experiment, CHAOS_LOG.md, findings.md and the charts that they
 * show. Returns the files, in that order.
 * @throws {ChaoslabError} `notFound` without a verdict, `usage` for a folder that cannot be written.
 */
export function writeDocuments(runs: readonly StoredRun[], notes: Notes, out: string): string[] {
  const entries = entriesOf(runs);
  if (entries.length === 0) throw new ChaoslabError("notFound", "report: these runs have no verdict");
  const current = latest(entries);
  const experiments: Record<string, Experiment> = Object.assign(
    {},
    ...runs.map(({ schedule }) => schedule.experiments),
  );
  const documents: [name: string, text: string][] = [["steady_state.md", steadyState(entries)]];
  for (const [id, experiment] of Object.entries(experiments)) {
    const own = current.filter(({ hypothesis }) => hypothesis.experiment === id);
    if (own.length > 0)
      documents.push([`experiment-${id}.md`, experimentDocument(id, experiment, own, notes)]);
  }
  documents.push(
    ["CHAOS_LOG.md", chaosLog(entries, notes)],
    ["findings.md", findings(current, experiments, notes)],
  );
  try {
    mkdirSync(join(out, "charts"), { recursive: true });
    for (const [name, text] of documents) writeFileSync(join(out, name), text);
    for (const { run, trial } of current) {
      const chart = join(run.folder, `chart-${trial}.svg`);
      if (existsSync(chart)) copyFileSync(chart, join(out, "charts", `${trial}.svg`));
    }
  } catch (error) {
    throw new ChaoslabError("usage", `--out: ${out} cannot be written: ${reasonOf(error)}`);
  }
  return documents.map(([name]) => join(out, name));
}
