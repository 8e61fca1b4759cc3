import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChaoslabError } from "../cli/errors.ts";
import { Recording, readRecording } from "./recording.ts";
import { cascade, LOAD_START, payments200ms, records, scrape, trial } from "./synthetic.ts";
import { trialOf } from "./trial.ts";
import { judge } from "./verdict.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-recording-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function kept(text: string): string {
  const file = join(scratch, `${crypto.randomUUID()}.ndjson`);
  writeFileSync(file, text);
  return file;
}
const read = (file: string): Recording => readRecording(file, 5_000, cascade.slis);

test("a verdict from the file is the one from the run", () => {
  const text = records().map((record) => `${JSON.stringify(record)}\n`);
  const fromFile = judge(trialOf(cascade, payments200ms, 1, read(kept(text.join("")))));
  expect(fromFile).toEqual(judge(trial()));
});

test("a last line that was cut off is left out, and the trial is not taken for finished", () => {
  const lines = records().map((record) => JSON.stringify(record));
  const recording = read(kept(`${lines.slice(0, -1).join("\n")}\n${lines.at(-1)?.slice(0, 40)}`));
  expect(recording.truncated).toBeTrue();
  expect(judge(trialOf(cascade, payments200ms, 1, recording)).result).toBe("inconclusive");
});

test("a line that is no record is told by its number", () => {
  expect(() => read(kept('{"kind":"revert","t":1}\nnot a record\n'))).toThrow(ChaoslabError);
  expect(() => read(kept('{"kind":"revert","t":1}\nnot a record\n'))).toThrow(/:2: not a record of a run/);
});

test("a scrape holds what did not change, and not what is gone", () => {
  const recording = new Recording(5_000, cascade.slis);
  for (const record of [
    scrape(0, "api", { 'a{b="c"}': 1, d: 5 }),
    scrape(1, "orders-1", { d: 9 }),
    scrape(2, "api", { d: 6 }),
    scrape(3, "api", { 'a{b="c"}': null }),
  ]) {
    recording.add(record);
  }
  const of = (i: number) =>
    recording.scrapes[i]?.samples.map(({ name, labels, value }) => [name, { ...labels }, value]);
  expect(of(2)).toEqual([
    ["a", { b: "c" }, 1],
    ["d", {}, 6],
  ]);
  expect(of(3)).toEqual([["d", {}, 6]]);
  expect(of(1)).toEqual([["d", {}, 9]]);
});

test("what a Prometheus server answered is told by the second, and no longer when it is old", () => {
  const slis = { up: { source: "prometheus", query: "up", over: "max", unit: "count" } } as const;
  const recording = new Recording(5_000, slis);
  for (const record of records({ schedule: { ...cascade, slis } })) recording.add(record);
  recording.add({ kind: "answer", t: LOAD_START + 2_400, sli: "up", value: 7 });
  expect(recording.measurements().perSecond("up", 0, 4)).toEqual([null, null, 7, null]);
  expect(recording.answeredSince("up", LOAD_START)).toBe(7);
  expect(recording.answeredSince("up", LOAD_START + 3_000)).toBeNull();
});
