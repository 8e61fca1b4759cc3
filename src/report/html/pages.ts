/** The pages there are: of a run, and of two trials before and after. @module */
import type { Comparison } from "../../experiment/compare.ts";
import { readTrial } from "../../experiment/rejudge.ts";
import type { StoredRun } from "../../experiment/store.ts";
import { type Entry, entriesOf, latest, pairs } from "../documents/entries.ts";
import { type Drawing, drawingOf } from "./drawing.ts";
import { overlaysOf } from "./overlay.ts";
import { htmlReport } from "./report.ts";

/**
 * `report.html`: all trials of a run, and those of the same faults under other mitigations laid over each other.
 * @param drawings by name of the trial's files; a trial without one is shown without curves.
 */
export function runReport(run: StoredRun, drawings: ReadonlyMap<string, Drawing>): string {
  const entries = entriesOf([run]);
  return htmlReport({
    title: run.document.run,
    runs: [run],
    entries,
    drawingOf: ({ trial }) => drawings.get(trial) ?? null,
    overlays: overlaysOf(pairs(latest(entries))),
  });
}

/** What `compare` found, with the curves of both sides; of repeats the worst, as there. */
export function comparisonReport(
  before: StoredRun,
  after: StoredRun,
  comparisons: readonly Comparison[],
): string {
  const [first, second] = [latest(entriesOf([before])), latest(entriesOf([after]))];
  const overlays = comparisons.flatMap((comparison) => {
    const find = (entries: readonly Entry[], name: string): Entry | undefined =>
      entries.find(({ hypothesis }) => hypothesis.name === name);
    const [a, b] = [find(first, comparison.before.hypothesis), find(second, comparison.after.hypothesis)];
    return a && b ? [{ before: a, after: b, comparison }] : [];
  });
  return htmlReport({
    title: `${before.document.run} and ${after.document.run}`,
    runs: before.folder === after.folder ? [before] : [before, after],
    entries: overlays.flatMap((overlay) => [overlay.before, overlay.after]),
    drawingOf: ({ run, hypothesis, verdict, trial }) => {
      const kept = readTrial(run, hypothesis, verdict.repeat);
      return kept && drawingOf(kept, trial);
    },
    overlays,
  });
}
