import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../faults/journal.ts";
import { waitFor } from "../../lab/wait.ts";
import type { FaultEvent } from "../../model/fault.ts";
import { FaultWatch, followed } from "./fault-watch.ts";
import { KEEP_MS } from "./history.ts";
import type { FaultView } from "./wire.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-fault-watch-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const EVENT: FaultEvent = {
  id: "f-00000001",
  fault_type: "latency",
  target: "payments",
  params: { delay_ms: 200 },
  backend: "nfqueue",
  t_start: 1_000,
  t_stop: null,
  evidence: null,
  gone: null,
  remains: null,
};

test("a fault of another process is told of when it begins and when it ends, not before it is in force", async () => {
  const journal = new Journal(join(scratch, "faults.ndjson"));
  const told: (readonly FaultView[])[] = [];
  using watch = new FaultWatch(
    journal.path,
    () => [],
    (faults) => told.push(faults),
    5,
  );
  journal.open(EVENT, { kind: "nothing" }, 61_000);
  await Bun.sleep(30);
  expect(told).toEqual([]);
  const begun = Date.now();
  journal.activate(EVENT.id, begun);
  await waitFor(() => told.length === 1, { what: "the begin", timeoutMs: 5_000 });
  expect(watch.faults).toMatchObject([
    { id: EVENT.id, type: "latency", t_start: begun, t_stop: null, lease: 61_000 },
  ]);
  journal.close(EVENT.id, begun + 700);
  await waitFor(() => told.length === 2, { what: "the end", timeoutMs: 5_000 });
  expect(watch.faults).toMatchObject([{ id: EVENT.id, t_stop: begun + 700, left: null }]);
});

const VIEW: FaultView = {
  id: EVENT.id,
  type: "latency",
  target: "payments",
  params: EVENT.params,
  backend: "nfqueue",
  t_start: 1_000,
  t_stop: null,
  lease: null,
  left: null,
};
const never = (): null => null;

test("what was seen after a revert here comes later than its end, and is added", () => {
  const ended = followed([VIEW], [], [], 5_000, () => 4_000);
  expect(ended).toEqual([{ ...VIEW, t_stop: 4_000 }]);
  const seen = { ...EVENT, t_stop: 4_000, gone: false, remains: "a rule" };
  expect(followed(ended, null, [seen], 6_000, never)).toEqual([
    { ...VIEW, t_stop: 4_000, left: "of it remains: a rule" },
  ]);
});

test("a journal that says nothing of an end leaves the time at which it was missed; it is forgotten in the end", () => {
  const ended = followed([VIEW], [], [], 5_000, never);
  expect(ended).toMatchObject([{ t_stop: 5_000 }]);
  expect(followed(ended, null, [], 5_000 + KEEP_MS, never)).toEqual([]);
});
