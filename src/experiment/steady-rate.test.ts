import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSchedule } from "./schedule-file.ts";

const CASCADE = readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "chaoslab-rate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schedule = (rate: string, override?: number): number =>
  parseSchedule(CASCADE.replace("rate: 500", `rate: ${rate}`), join(folder, "s.yaml"), override).load.rate;

function ramp(name: string, content: unknown): string {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  return `{ from: ${name} }`;
}

test("the rate is the steady rate that was found, relative to the schedule", () => {
  expect(schedule(ramp("ramp.json", { kind: "ramp", steady_rate_rps: 321.5 }))).toBe(321.5);
  expect(schedule(ramp("ramp.json", { kind: "ramp", steady_rate_rps: 321.5 }), 40)).toBe(40);
  expect(schedule("{ from: away.json }", 40)).toBe(40);
});

test.each([
  ["a file that is not there", "{ from: away.json }", "away.json: no such file; chaoslab ramp writes it"],
  ["something else", ramp("other.json", { kind: "summary" }), "is not what chaoslab ramp writes"],
  ["something that is no JSON", ramp("text.json", "rate: 5"), "text.json: "],
  [
    "a search that named none",
    ramp("none.json", { kind: "ramp", steady_rate_rps: null, no_breakpoint: "it held" }),
    "has no steady rate: it held",
  ],
  ["a rate out of range", ramp("huge.json", { kind: "ramp", steady_rate_rps: 1e9 }), "1000000000"],
  ["another form", "{ form: ramp.json }", "load.rate"],
])("%s is refused with its place in the schedule", (_, rate, words) => {
  const line = CASCADE.slice(0, CASCADE.indexOf("rate: 500")).split("\n").length;
  expect(() => schedule(rate)).toThrow(new RegExp(`^[^\\n]*s\\.yaml:${line}:\\d+: load\\.rate: [^\\n]*$`));
  expect(() => schedule(rate)).toThrow(words);
});
