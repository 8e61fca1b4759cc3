import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaultEvent } from "../model/fault.ts";
import { revertAll } from "./controller.ts";
import { Journal, openFaults } from "./journal.ts";

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

test("a fault is open until it is closed, with its latest undo and its owner", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" });
  journal.open(event("f-2"), { kind: "two" });
  expect(openFaults(journal.path)).toMatchObject([
    { id: "f-1", undo: { kind: "one" }, active: false, owner: { pid: process.pid } },
    { id: "f-2", undo: { kind: "two" } },
  ]);
  const amended = { kind: "one", worker: 7 };
  journal.amend("f-1", amended);
  journal.activate("f-1", 2_000);
  journal.close("f-2", 3_000);
  expect(openFaults(journal.path)).toMatchObject([
    { id: "f-1", undo: amended, active: true, event: { t_start: 2_000 } },
  ]);
});

test("a line torn by a crash is skipped and does not swallow the next", () => {
  const journal = fresh();
  journal.open(event("f-1"), { kind: "one" });
  appendFileSync(journal.path, '{"record":"opened","id":"f-2","ev');
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-1"]);
  journal.open(event("f-3"), { kind: "three" });
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-1", "f-3"]);
  expect(readFileSync(journal.path, "utf8").endsWith("\n")).toBe(true);
});

test("reverting all closes what is gone with its namespace; again is fine", async () => {
  const journal = fresh();
  journal.open(event("f-1"), gone);
  journal.activate("f-1", 1_000);
  expect(await revertAll(journal.path)).toMatchObject([{ event: { id: "f-1" }, error: null }]);
  expect(openFaults(journal.path)).toEqual([]);
  expect(await revertAll(journal.path)).toEqual([]);
});

test("an undo that nobody understands is reported and stays open, and the others are undone", async () => {
  const journal = fresh();
  journal.open(event("f-1"), gone);
  journal.activate("f-1", 1_000);
  journal.open(event("f-2"), { kind: "from-the-future" });
  journal.open(event("f-3"), { kind: "netem" });
  expect(await revertAll(journal.path)).toMatchObject([
    { event: { id: "f-3", t_stop: null }, error: expect.stringContaining("not an undo of netem") },
    { event: { id: "f-2", t_stop: null }, error: expect.stringContaining("from-the-future") },
    { event: { id: "f-1" }, error: null },
  ]);
  expect(openFaults(journal.path).map(({ id }) => id)).toEqual(["f-2", "f-3"]);
});
