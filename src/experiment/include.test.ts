import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSchedule, parseSchedule } from "./schedule-file.ts";

const CASCADE = readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8");
/** The same load and SLOs, with hypotheses from elsewhere. */
const umbrella = (include: string): string =>
  `${CASCADE.slice(0, CASCADE.indexOf("experiments:")).replace("name: cascade", "name: umbrella").replace("rate: 500", "rate: 42")}include: ${include}\n`;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chaoslab-include-"));
  write("cascade.yaml", CASCADE);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("takes the hypotheses and experiments of another schedule, and nothing else of it", () => {
  const { schedule, source } = loadSchedule(write("all.yaml", umbrella("[cascade.yaml]")));
  expect([schedule.name, schedule.load.rate]).toEqual(["umbrella", 42]);
  expect(schedule.hypotheses).toEqual(parseSchedule(CASCADE, "c.yaml").hypotheses);
  expect(schedule.experiments?.E1?.title).toBe("The cascade");
  // What is kept with a run needs no other file.
  expect(parseSchedule(source, "/nowhere/kept.yaml")).toEqual(schedule);
});

test("takes those that are named, in the order of the includes, after its own", () => {
  const own =
    `hypotheses:\n${CASCADE.slice(CASCADE.indexOf("  - name: payments-200ms-bare"), CASCADE.indexOf("  - name: payments-200ms-mitigated"))}`
      .replace("payments-200ms-bare", "mine")
      .replace("    experiment: E1\n", "");
  const text = umbrella("[{ file: cascade.yaml, only: [payments-200ms-mitigated] }]") + own;
  const names = loadSchedule(write("some.yaml", text)).schedule.hypotheses.map(({ name }) => name);
  // The alias in the included file was resolved there.
  expect(names).toEqual(["mine", "payments-200ms-mitigated"]);
});

test.each([
  [
    "a hypothesis that is not there",
    "[{ file: cascade.yaml, only: [nothing] }]",
    /include\.0\.only: cascade\.yaml has no hypothesis nothing; it has payments-200ms-bare/,
  ],
  ["a file that is not there", "[none.yaml]", /none\.yaml: no such file/],
  ["itself", "[all.yaml]", /all\.yaml includes itself/],
  ["one twice", "[cascade.yaml, cascade.yaml]", /payments-200ms-bare is used twice/],
  ["a number", "[42]", /include\.0: 42 is not accepted; expected a path/],
  ["no list", "cascade.yaml", /include: "cascade\.yaml": expected array/],
])("refuses to include %s", (_what, include, message) => {
  expect(() => loadSchedule(write("all.yaml", umbrella(include)))).toThrow(message);
});

test("what is wrong in an included schedule is reported at its place there", () => {
  write("broken.yaml", CASCADE.replace("type: latency", "type: latencies"));
  expect(() => loadSchedule(write("all.yaml", umbrella("[broken.yaml]")))).toThrow(
    /broken\.yaml:\d+:\d+: hypotheses\.0\.fault\.type/,
  );
});

test("two schedules must not mean different things by one id", () => {
  write(
    "other.yaml",
    CASCADE.replaceAll("payments-200ms", "other").replaceAll("The cascade", "Something else"),
  );
  expect(() => loadSchedule(write("all.yaml", umbrella("[cascade.yaml, other.yaml]")))).toThrow(
    /include\.1: other\.yaml has experiments\.E1 too/,
  );
});

test("a hypothesis's experiment must be among the experiments", () => {
  expect(() => parseSchedule(CASCADE.replace("experiment: E1", "experiment: E9"), "s.yaml")).toThrow(
    /s\.yaml:\d+:\d+: hypotheses\.0\.experiment: E9 is not in experiments \(E1\)/,
  );
});

test("a schedule may name the profile it is meant for, of those there are", () => {
  const profile = (name: string) =>
    parseSchedule(CASCADE.replace("seed: 1", `seed: 1\nprofile: ${name}`), "s.yaml").profile;
  expect(profile("quick")).toBe("quick");
  expect(() => profile("short")).toThrow(/profile: short is not in profiles \(full, quick\)/);
});
