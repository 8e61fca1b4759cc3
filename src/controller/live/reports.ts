/** The runs that the page lists, and their HTML reports: files of the results' folder and of nowhere else. @module */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ChaoslabError, codeOf } from "../../cli/errors.ts";
import { listRuns, type RunDocument, stateOf, trialName } from "../../experiment/store.ts";
import { experiments } from "../experiments.ts";
import type { ExperimentsView, RunView } from "./wire.ts";

/** In the folder of a run that was reported on. */
const REPORT = "report.html";
/** What the page shows of the runs. */
const NEWEST = 20;

/**
 * A report is somebody else's file: its scripts may draw, and nothing more. `sandbox` takes it out of this origin, so that
 * to the controller it is another site.
 */
export const REPORT_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "sandbox allow-scripts",
].join("; ");

export function experimentsView(schedulesDir: string, resultsDir: string): ExperimentsView {
  const listed = experiments(schedulesDir, resultsDir).map(({ file, schedule, problem, last_run }) => ({
    file,
    name: schedule?.name ?? null,
    problem,
    last: last_run && runView(last_run),
  }));
  const runs = listRuns(resultsDir).slice(-NEWEST).reverse().map(runView);
  return { experiments: listed, runs };
}

function runView(document: RunDocument): RunView {
  const { schedule, started_at, verdicts, repeats, folder } = document;
  const run = basename(folder);
  return {
    run,
    schedule,
    state: stateOf(document),
    started_at,
    verdicts: verdicts.map(({ hypothesis, repeat, result }) => ({
      name: trialName(hypothesis, repeat, repeats),
      result,
    })),
    report: existsSync(join(folder, REPORT)) ? `/results/${encodeURIComponent(run)}/${REPORT}` : null,
  };
}

/**
 * Path of a run's report.
 * @param run one name, whatever was asked for.
 * @throws {ChaoslabError} `notFound` when there is none, or it lies elsewhere.
 */
export function reportFile(resultsDir: string, run: string): string {
  const none = new ChaoslabError("notFound", `no report of a run ${JSON.stringify(run)}`);
  if (!/^[\w][\w.-]{0,199}$/.test(run)) throw none;
  try {
    const root = realpathSync(resultsDir);
    // Through links: what counts is where the file is.
    const file = realpathSync(join(root, run, REPORT));
    if (dirname(dirname(file)) === root && basename(file) === REPORT) return file;
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error) ?? "")) throw error;
  }
  throw none;
}
