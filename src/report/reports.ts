/** What people and CI servers read of a run, beside its record: report.md, report.html, junit.xml. @module */
import type { RunFolder, StoredRun } from "../experiment/store.ts";
import type { Drawing } from "./html/drawing.ts";
import { runReport } from "./html/pages.ts";
import { junit } from "./junit.ts";
import { markdownReport } from "./markdown.ts";
import { suiteOf } from "./verdict-suite.ts";

/** @param drawings by name of the trial's files, as far as they were recorded. */
export function writeReports(
  folder: RunFolder,
  run: StoredRun,
  drawings: ReadonlyMap<string, Drawing>,
): void {
  folder.write("report.md", markdownReport(run.document, run.schedule));
  folder.write("report.html", runReport(run, drawings));
  folder.write("junit.xml", junit([suiteOf(run.document)]));
}
