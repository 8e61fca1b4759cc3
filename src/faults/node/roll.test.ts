import { expect, test } from "bun:test";
import type { RestartProgress } from "./node-restart.ts";
import { rollEvidence } from "./roll.ts";

const waiting = (node: string): RestartProgress => ({
  node,
  begun: false,
  ended: null,
  replaced: false,
  readyAfterMs: null,
  failure: null,
});
const draining = (node: string): RestartProgress => ({ ...waiting(node), begun: true });
const down = (node: string): RestartProgress => ({
  ...draining(node),
  ended: { how: "drained", afterMs: 12 },
});
const starting = (node: string): RestartProgress => ({ ...down(node), replaced: true });
const ready = (node: string): RestartProgress => ({ ...starting(node), readyAfterMs: 840 });

test("it lands when the first node is gone and replaced, and not before", () => {
  const landed = [waiting, draining, down, starting, ready].map(
    (state) => rollEvidence([state("a"), waiting("b")], false).landed,
  );
  expect(landed).toEqual([false, false, false, true, true]);
});

test("a whole roll tells how and when each node ended and was ready", () => {
  const killed = { ...ready("b"), ended: { how: "killed", afterMs: 400 } as const };
  expect(rollEvidence([ready("a"), killed], true)).toEqual({
    landed: true,
    detail:
      "2 of 2 nodes restarted; a drained after 12 ms, ready after 840 ms; b killed after 400 ms, ready after 840 ms",
    measures: {
      nodes: 2,
      restarted_nodes: 2,
      drained_nodes: 1,
      killed_nodes: 1,
      "a.ended_after_ms": 12,
      "a.ready_after_ms": 840,
      "b.ended_after_ms": 400,
      "b.ready_after_ms": 840,
    },
  });
});

test.each([
  [
    [ready("a"), waiting("b")],
    false,
    "1 of 2 nodes restarted; a drained after 12 ms, ready after 840 ms; b waits for its turn",
  ],
  [
    [ready("a"), draining("b"), waiting("c")],
    true,
    "1 of 3 nodes restarted; a drained after 12 ms, ready after 840 ms; b asked to end and still draining; c not reached; cut short by the end of the fault: its lease, or a revert",
  ],
  [
    [{ ...starting("a"), failure: "waited 1 s" }, waiting("b")],
    true,
    "0 of 2 nodes restarted; a drained after 12 ms, started again but not ready yet (waited 1 s; the roll stopped there); b not reached",
  ],
  [
    [ready("a"), { ...waiting("b"), failure: "b: it is not running" }],
    false,
    "1 of 2 nodes restarted; a drained after 12 ms, ready after 840 ms; b not reached (b: it is not running; the roll stopped there)",
  ],
])("a roll that is not whole says where it is, or why it ended: %#", (nodes, halted, detail) => {
  expect(rollEvidence(nodes, halted).detail).toBe(detail);
});
