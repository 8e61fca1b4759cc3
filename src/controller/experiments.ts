/** What GET /chaos/experiments tells: the committed schedules, and the last run of each. @module */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf, reasonOf } from "../cli/errors.ts";
import { loadSchedule } from "../experiment/schedule-file.ts";
import { listRuns, type RunDocument } from "../experiment/store.ts";
import type { Schedule } from "../model/schedule.ts";

export interface Experiment {
  file: string;
  /** Null when the file is not a schedule; `problem` says why. */
  schedule: Schedule | null;
  problem: string | null;
  last_run: RunDocument | null;
}

const entries = (dir: string): string[] => {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
};

export function experiments(schedulesDir: string, resultsDir: string): Experiment[] {
  const runs = listRuns(resultsDir);
  return entries(schedulesDir)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => {
      const file = join(schedulesDir, name);
      try {
        const { schedule } = loadSchedule(file);
        const isOwn = (run: RunDocument): boolean =>
          run.schedule === schedule.name && run.state === "complete";
        const last_run = runs.findLast(isOwn) ?? null;
        return { file, schedule, problem: null, last_run };
      } catch (error) {
        return { file, schedule: null, problem: reasonOf(error), last_run: null };
      }
    });
}
