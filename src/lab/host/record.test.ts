import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLab } from "./lab.ts";
import { clearRemains } from "./manage.ts";
import {
  checkLabName,
  LabPaths,
  labNames,
  makeLabFolder,
  readRecord,
  releaseLab,
  reserveLab,
  writeRecord,
} from "./record.ts";

let root: string;
const before = process.env.CHAOSLAB_HOME;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), "chaoslab-record-")), "state");
  process.env.CHAOSLAB_HOME = root;
});
afterEach(() => {
  rmSync(join(root, ".."), { recursive: true, force: true });
  if (before === undefined) delete process.env.CHAOSLAB_HOME;
  else process.env.CHAOSLAB_HOME = before;
});

test("two labs get two subnets, and one in use by others is passed over", () => {
  const a = reserveLab("a", (t) => t.subnet === 0);
  const b = reserveLab("b", () => false);
  expect([a.subnet, b.subnet]).toEqual([1, 0]);
  expect(a.jwt_secret).not.toBe(b.jwt_secret);
  expect(labNames()).toEqual(["a", "b"]);
});

test("a lab belongs to a living supervisor from its reservation on, and is dead without one, in every state", async () => {
  const record = reserveLab("a", () => false);
  expect(findLab("a")?.state).toBe("booting");
  await expect(clearRemains("a", () => {})).rejects.toMatchObject({ kind: "busy" });
  writeRecord({ ...record, supervisor: { pid: process.pid, starttime: 1 } });
  expect(findLab("a")?.state).toBe("dead");
});

test("the folder of a lab that is not this host's to boot lets users of others pass", () => {
  const before = process.umask(0o077);
  try {
    makeLabFolder(new LabPaths("docker"));
    makeLabFolder(new LabPaths("docker"));
  } finally {
    process.umask(before);
  }
  expect(statSync(join(root, "labs")).mode & 0o777).toBe(0o755);
});

test("a name is reserved once", () => {
  reserveLab("a", () => false);
  expect(() => reserveLab("a", () => false)).toThrow("already up");
});

test("a record is read back as written", () => {
  const record = reserveLab("a", () => false);
  writeRecord({ ...record, state: "ready", supervisor: { pid: 1, starttime: 2 } });
  expect(readRecord("a")).toMatchObject({ state: "ready", supervisor: { pid: 1, starttime: 2 } });
  expect(readRecord("none")).toBeNull();
});

test("a released lab leaves nothing, and its subnet is free again", () => {
  reserveLab("a", () => false);
  releaseLab("a");
  expect(existsSync(root)).toBeFalse();
  expect(reserveLab("b", () => false).subnet).toBe(0);
});

test.each(["", "A", "1lab", "has space", "../up", "a".repeat(17), "a/b"])("%p is no lab name", (name) => {
  expect(() => checkLabName(name)).toThrow("is not a lab name");
});
