import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experimentsView, reportFile } from "./reports.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-reports-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const results = join(scratch, "results");

function keep(run: string): string {
  const folder = join(results, run);
  mkdirSync(folder, { recursive: true });
  const document = {
    run,
    schedule: "cascade",
    state: "complete",
    started_at: run,
    owner: { pid: 1, starttime: -1 },
    repeats: 1,
    verdicts: [{ hypothesis: "bare", repeat: 1, result: "failed" }],
  };
  writeFileSync(join(folder, "verdicts.json"), JSON.stringify(document));
  return folder;
}
writeFileSync(join(keep("cascade-1"), "report.html"), "<!doctype html>");
keep("cascade-2");
mkdirSync(join(scratch, "elsewhere"));
writeFileSync(join(scratch, "elsewhere", "report.html"), "secret");
writeFileSync(join(scratch, "report.html"), "secret");
symlinkSync(join(scratch, "elsewhere"), join(results, "linked"));
mkdirSync(join(results, "file-linked"));
symlinkSync("/etc/passwd", join(results, "file-linked", "report.html"));

test("runs come newest first, with a link to the report of those that have one", () => {
  const { runs } = experimentsView(join(scratch, "no-schedules"), results);
  expect(runs).toMatchObject([
    { run: "cascade-2", report: null, verdicts: [{ name: "bare", result: "failed" }] },
    { run: "cascade-1", report: "/results/cascade-1/report.html" },
  ]);
});

test("a report is found by its run's name", () => {
  expect(reportFile(results, "cascade-1")).toEndWith("/results/cascade-1/report.html");
});

test.each([
  "cascade-2",
  "none",
  "",
  ".",
  "..",
  "../results/cascade-1",
  "..%2felsewhere",
  "/etc",
  "linked",
  "file-linked",
  "a\0b",
  "x".repeat(300),
])("%j leads to no report", (run) => {
  expect(() => reportFile(results, run)).toThrow("no report of a run");
});
