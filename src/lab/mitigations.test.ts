import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LabPaths } from "./host/record.ts";
import { readMitigations, writeMitigations } from "./mitigations.ts";

let root: string;
let paths: LabPaths;
const before = process.env.CHAOSLAB_HOME;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "chaoslab-mitigations-"));
  process.env.CHAOSLAB_HOME = root;
  paths = new LabPaths("a");
  mkdirSync(paths.dir, { recursive: true });
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  if (before === undefined) delete process.env.CHAOSLAB_HOME;
  else process.env.CHAOSLAB_HOME = before;
});

test("what is written is read back, by anybody, and nothing lies about", () => {
  expect(readMitigations(paths.mitigations)).toEqual([]);
  writeMitigations(paths.mitigations, ["timeout", "outbox"]);
  writeMitigations(paths.mitigations, ["timeout"]);
  expect(readMitigations(paths.mitigations)).toEqual(["timeout"]);
  expect(statSync(paths.mitigations).mode & 0o777).toBe(0o644);
  expect(readdirSync(paths.dir).filter((name) => name.startsWith("mitigations"))).toEqual([
    "mitigations.json",
  ]);
});

test("a file that is none is named", () => {
  writeFileSync(paths.mitigations, '{"mitigations": ["bogus"]}');
  expect(() => readMitigations(paths.mitigations)).toThrow(/mitigations\.json: no such mitigation: "bogus"/);
});
