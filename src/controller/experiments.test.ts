import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experiments } from "./experiments.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-experiments-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const folder = (name: string): string => {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  return path;
};

/** What matters here of a kept run. */
function keep(run: string, state: string): void {
  const document = {
    run,
    schedule: "cascade",
    state,
    started_at: run,
    owner: { pid: 1, starttime: -1 },
    verdicts: [],
  };
  writeFileSync(join(folder(`results/${run}`), "verdicts.json"), JSON.stringify(document));
}

test("each schedule with its last completed run, and what is wrong with one that is none", () => {
  const schedules = folder("schedules");
  copyFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), join(schedules, "cascade.yaml"));
  writeFileSync(join(schedules, "wrong.yaml"), "name: wrong\n");
  keep("1", "complete");
  keep("2", "complete");
  keep("3", "aborted");
  folder("results/4");
  const [cascade, wrong, ...more] = experiments(schedules, join(scratch, "results"));
  expect(more).toEqual([]);
  expect(cascade?.schedule?.name).toBe("cascade");
  expect(cascade?.last_run?.run).toBe("2");
  expect(wrong).toMatchObject({ schedule: null, last_run: null });
  expect(wrong?.problem).toContain("wrong.yaml:1:1");
  expect(experiments(schedules, join(scratch, "nowhere")).map(({ last_run }) => last_run)).toEqual([
    null,
    null,
  ]);
});
