import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tailOf } from "./log-tail.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-log-tail-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = join(scratch, "api.log");

test("the last lines, oldest first; of a long log the whole ones at its end", () => {
  expect(tailOf(file, 5)).toEqual([]);
  writeFileSync(file, "");
  expect(tailOf(file, 5)).toEqual([]);
  writeFileSync(file, "one\ntwo\nthree\n");
  expect(tailOf(file, 2)).toEqual(["two", "three"]);
  writeFileSync(file, `${"x".repeat(600_000)}\nlast, not ended`);
  expect(tailOf(file, 5)).toEqual(["last, not ended"]);
});
