import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaultEvent } from "../model/fault.ts";
import { JOURNAL_BYTES, Journal, openFaults } from "./journal.ts";
import { revertAll } from "./revert.ts";

const folder = mkdtempSync(join(tmpdir(), "chaoslab-journal-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = (): Journal => new Journal(join(folder, `${files++}.ndjson`));

const event = (id: string): FaultEvent => ({
  id,
  fault_type: "latency",
  target: "payments",
  params: { delay_ms: 200 },
  backend: "netem",
  t_start: 1_000,
  t_stop: null,
  evidence: null,
  gone: null,
  remains: null,
});
const gone = {
  kind: "netem",
  netns: "/run/netns/chaoslab-no-such",
  device: "eth0",
  root: { kind: "netem", handle: "7000:" },
};

test("a journal that does not exist has no open faults", () => {
  expect(openFaults(join(folder, "none"))).toEqual([]);
});

test("a fault that was reverted before it came into force does not come into force", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  journal.close("f-1", 2_000);
  expect(() => journal.activate("f-1", 3_000)).toThrow("f-1 was reverted meanwhile");
  expect(openFaults(journal.path)).toEqual([]);
});

test("a fault is open until it is closed, with its latest undo and its owner", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  journal.open(event("f-2"), { kind: "two" }, 9_000);
  expect(openFaults(journal.path)).toMatchObject([
    { id: "f-1", undo: { kind: "one" }, active: false, owner: { pid: process.pid } },
    { id: "f-2", undo: { kind: "two" }, lease: 9_000 },
  ]);
  const amended = { kind: "one", worker: 7 };
  journal.amend("f-1", amended);
  journal.activate("f-1", 2_000);
  journal.close("f-2", 3_000);
  expect(openFaults(journal.path)).toMatchObject([
    { id: "f-1", undo: amended, active: true, event: { t_start: 2_000 } },
  ]);
});

test("a fault of an older chaoslab, whose events told less, is open too", () => {
  const journal = fresh();
  const { gone: _gone, remains: _remains, ...older } = event("f-1");
  const owner = { pid: process.pid, starttime: 1 };
  const line = { record: "opened", id: "f-1", event: older, undo: gone, owner, lease: null };
  writeFileSync(journal.path, `${JSON.stringify(line)}\n`);
  expect(openFaults(journal.path)).toMatchObject([{ id: "f-1", event: { t_stop: null, gone: null } }]);
});

test("a line torn by a crash is skipped and does not swallow the next", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  const whole = readFileSync(journal.path);
  whole.write('{"record":"opened","id":"f-2","ev', whole.indexOf(0));
  writeFileSync(journal.path, whole);
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-1"]);
  journal.open(event("f-3"), { kind: "three" }, null);
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-1", "f-3"]);
});

test("the file has its full size before the first fault and keeps it, however many faults come and go", () => {
  const journal = fresh();
  const big = { kind: "one", filler: "x".repeat(20_000) };
  journal.open(event("f-keep"), big, null);
  journal.activate("f-keep", 5_000);
  for (let i = 0; i < 60; i++) {
    journal.open(event(`f-${i}`), big, null);
    journal.close(`f-${i}`, 6_000);
    expect(statSync(journal.path).size).toBe(JOURNAL_BYTES);
  }
  expect(openFaults(journal.path)).toMatchObject([
    { id: "f-keep", undo: big, active: true, event: { t_start: 5_000 } },
  ]);
});

test("a journal full of open faults refuses one more, and loses none", () => {
  const journal = fresh();
  const big = { kind: "one", filler: "x".repeat(100_000) };
  let opened = 0;
  expect(() => {
    for (; opened < 10; opened++) journal.open(event(`f-${opened}`), big, null);
  }).toThrow("the journal is full");
  expect(openFaults(journal.path)).toHaveLength(opened);
});

test("processes that write at once lose no record", async () => {
  const journal = fresh();
  const script = `
    import { Journal } from ${JSON.stringify(join(import.meta.dir, "journal.ts"))};
    const journal = new Journal(${JSON.stringify(journal.path)});
    const event = ${JSON.stringify(event("x"))};
    for (let i = 0; i < 30; i++) journal.open({ ...event, id: process.pid + "-" + i }, { kind: "one" }, null);`;
  const file = join(folder, "writer.ts");
  writeFileSync(file, script);
  const writers = Array.from({ length: 4 }, () => Bun.spawn([process.execPath, file]).exited);
  expect(await Promise.all(writers)).toEqual([0, 0, 0, 0]);
  expect(openFaults(journal.path)).toHaveLength(120);
});

test("reverting all closes what is gone with its namespace; again is fine", async () => {
  const journal = fresh();
  journal.open(event("f-1"), gone, null);
  journal.activate("f-1", 1_000);
  expect(await revertAll(journal.path)).toMatchObject([
    { event: { id: "f-1", gone: true, remains: null }, error: null },
  ]);
  expect(openFaults(journal.path)).toEqual([]);
  expect(await revertAll(journal.path)).toEqual([]);
});

test("a fault that is closed already was gone when it was closed first", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  expect(journal.close("f-1", 2_000, { kind: "one" })).toBe(2_000);
  expect(journal.close("f-1", 3_000)).toBe(2_000);
});

test("a lease counts from when the fault comes into force, also once the journal is compacted", () => {
  const journal = fresh();
  const big = { kind: "one", filler: "x".repeat(200_000) };
  journal.open(event("f-1"), { kind: "one" }, 9_000);
  journal.activate("f-1", 2_000, 4_000);
  for (let i = 0; i < 3; i++) {
    journal.open(event(`f-big-${i}`), big, null);
    journal.close(`f-big-${i}`, 3_000);
    expect(openFaults(journal.path)).toMatchObject([{ id: "f-1", lease: 4_000 }]);
  }
});

test("what is done for a fault after its revert is refused", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  journal.close("f-1", 2_000);
  expect(() => journal.amend("f-1", { kind: "two" })).toThrow("f-1 was reverted meanwhile");
});

test("a fault whose undo has changed since it was undone stays open", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" }, null);
  journal.amend("f-1", { kind: "two" });
  expect(journal.close("f-1", 2_000, { kind: "one" })).toBeNull();
  expect(openFaults(journal.path)).toMatchObject([{ undo: { kind: "two" } }]);
  expect(journal.close("f-1", 2_000, { kind: "two" })).toBe(2_000);
  expect(openFaults(journal.path)).toEqual([]);
});

test("an undo that nobody understands is reported and stays open, and the others are undone", async () => {
  const journal = fresh();
  journal.open(event("f-1"), gone, null);
  journal.activate("f-1", 1_000);
  journal.open(event("f-2"), { kind: "from-the-future" }, null);
  journal.open(event("f-3"), { kind: "netem" }, null);
  expect(await revertAll(journal.path)).toMatchObject([
    { event: { id: "f-3", t_stop: null }, error: expect.stringContaining("not an undo of netem") },
    { event: { id: "f-2", t_stop: null }, error: expect.stringContaining("from-the-future") },
    { event: { id: "f-1" }, error: null },
  ]);
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-2", "f-3"]);
});
