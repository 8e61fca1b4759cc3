/** Faults that end a node's processes: the node is gone, comes back as another, and no other node is touched. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inject } from "../../src/faults/controller.ts";
import { readControl, writeControl } from "../../src/faults/node/cgroup.ts";
import { processesOf } from "../../src/faults/node/processes.ts";
import { undo } from "../../src/faults/registry.ts";
import type { NodeName } from "../../src/lab/host/topology.ts";
import type { NodeStatus } from "../../src/lab/lab.ts";
import { isAlive } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultSpec } from "../../src/model/fault.ts";
import type { Check } from "./check.ts";
import { answerMs, connectMs, groupOf, lab, spawnIn } from "./machine.ts";

const ANSWER_WITHIN_MS = 5_000;
const FROZEN = "cgroup.freeze";

async function statuses(): Promise<Map<string, NodeStatus>> {
  return new Map((await lab().nodes()).map((node) => [node.name, node]));
}

function injectOn(target: NodeName, { type, params }: Pick<FaultSpec, "type" | "params">) {
  const where = lab();
  const fault = { type, target, params };
  return inject({ journal: where.paths.journal, fault, ...where.targetsOf(fault) });
}

/**
 * A process that is another one every millisecond: each forks the next and ends. Signals sent to a list of processes
 * may miss it; a frozen group cannot fork.
 */
const FORKING = "f() { f & }; f";

/** Processes of the node that come from {@link FORKING}: shells, or gone before one can look. */
function forking(node: NodeName): string[] {
  const pids = (readControl(groupOf(node), "cgroup.procs") ?? "").split("\n").filter(Boolean);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "sh";
    } catch {
      return true;
    }
  });
}

const listens = (node: NodeName): Promise<boolean> =>
  connectMs(node, 1).then(
    () => true,
    () => false,
  );

interface Ending {
  target: NodeName;
  fault: Pick<FaultSpec, "type" | "params">;
  /** How the supervisor saw the node end. */
  lastExit: string;
}

async function proveEnding({ target, fault, lastExit }: Ending): Promise<string> {
  const before = await statuses();
  const old = processesOf(groupOf(target));
  assert.ok(await listens(target));
  const byKill = lastExit.includes("SIGKILL");
  if (byKill) {
    spawnIn(target, ["sh", "-c", FORKING]);
    await waitFor(() => forking(target).length > 0, { what: "a forking process", timeoutMs: 10_000 });
  }
  const started = performance.now();
  await using active = await injectOn(target, fault);
  if (byKill) assert.deepEqual([forking(target), old.filter(isAlive)], [[], []]);
  assert.equal(readControl(groupOf(target), FROZEN), "0");
  const refuses = async (): Promise<boolean> => !(await listens(target));
  await waitFor(refuses, { what: `${target} to refuse connections`, timeoutMs: 10_000, intervalMs: 5 });
  const calm = before.get(target);
  const back = await waitFor(
    async () => {
      const now = (await statuses()).get(target);
      return now && now.restarts > (calm?.restarts ?? 0) && now.state === "ready" && now;
    },
    { what: `${target} to come back`, timeoutMs: 60_000 },
  );
  const backMs = performance.now() - started;
  assert.ok(await listens(target));
  assert.deepEqual(old.filter(isAlive), []);
  const { landed, detail } = await active.verify();
  assert.ok(landed, `not seen to land: ${detail}`);
  await active.revert();

  const now = await statuses();
  assert.equal(now.get(target)?.pid, back.pid, "the revert touched the node that came back");
  assert.notEqual(back.pid, calm?.pid);
  assert.equal(back.restarts, (calm?.restarts ?? 0) + 1);
  assert.equal(back.last_exit, lastExit);
  assert.equal(readControl(groupOf(target), FROZEN), "0");
  const others = (all: Map<string, NodeStatus>) =>
    [...all.values()].filter(({ name }) => name !== target).map(({ name, pid }) => `${name} ${pid}`);
  assert.deepEqual(others(now), others(before));
  return `another one is ready after ${(backMs / 1_000).toFixed(1)} s; ${detail}`;
}

const ending = (name: string, given: Ending): Check => ({
  name: `${name}: the node's processes end, it comes back as another, no other node is touched`,
  timeoutMs: 90_000,
  run: () => proveEnding(given),
});

export const endingChecks: readonly Check[] = [
  ending("kill", { target: "orders-1", fault: { type: "kill", params: {} }, lastExit: "signal SIGKILL" }),
  ending("restart without drain", {
    target: "pg-replica",
    fault: { type: "restart", params: { drain: false } },
    lastExit: "signal SIGKILL",
  }),
  ending("restart with drain", {
    target: "payments",
    fault: { type: "restart", params: { drain: true, grace_ms: 20_000 } },
    lastExit: "exit code 0",
  }),
  {
    name: "what a killer left frozen by cgroup.freeze is let go by its undo",
    timeoutMs: 60_000,
    async run() {
      const cgroup = groupOf("orders-1");
      writeControl(cgroup, FROZEN, "1");
      const frozen = (): boolean => /^frozen 1$/m.test(readControl(cgroup, "cgroup.events") ?? "");
      await waitFor(frozen, { what: "the node to freeze", timeoutMs: 10_000 });
      assert.equal(await answerMs("orders-1", 1_000), Number.POSITIVE_INFINITY);
      await assert.rejects(injectOn("orders-1", { type: "kill", params: {} }), { kind: "busy" });
      const leftOpen = { kind: "sigkill", cgroup };
      await undo(leftOpen);
      assert.equal(readControl(cgroup, FROZEN), "0");
      await waitFor(async () => (await answerMs("orders-1", ANSWER_WITHIN_MS)) < ANSWER_WITHIN_MS, {
        what: "the node to answer",
        timeoutMs: 20_000,
      });
    },
  },
];
