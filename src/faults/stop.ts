/**
 * `stop`: SIGSTOP to every process of the node: it hangs with its connections open, and the kernel goes on accepting
 * new ones in its name.
 *
 * By signals and not by the cgroup's freezer, because a hung process can be killed and one that v1's freezer holds
 * cannot (it dies when it is thawed): whoever notices the hang and kills the node gets a new one that runs, as in
 * production. A stopped process cannot fork, so the only new processes are those of such a restart; they are not
 * stopped, and the evidence says so.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { signalProcess } from "../lab/process.ts";
import { waitFor } from "../lab/wait.ts";
import type { Evidence } from "../model/fault.ts";
import type { StopParams } from "../model/params.ts";
import { defineBackend, defineFault } from "./fault.ts";
import { Cgroup, cgroupOf } from "./node/cgroup.ts";
import {
  isStopped,
  type NodeProcess,
  processesOf,
  requireRunning,
  stillThere,
  stoppedInWords,
  stoppedOf,
} from "./node/processes.ts";

/** Keyed on the group: SIGCONT does nothing to a process that runs, nor to one that is gone. */
const StopUndo = Type.Object({
  kind: Type.Literal("sigstop"),
  cgroup: Cgroup,
  /** Of a tree: those that are stopped, as a child is not found any more once its first process has ended. */
  processes: Type.Optional(Type.Array(Type.Object({ pid: Type.Integer(), starttime: Type.Number() }))),
});
type StopUndo = Static<typeof StopUndo>;

function stoppedBy({ cgroup, processes = [] }: StopUndo): NodeProcess[] {
  const all = new Map([...processesOf(cgroup), ...stillThere(processes)].map((each) => [each.pid, each]));
  return stoppedOf([...all.values()]);
}

const sigstop = defineBackend<StopParams, StopUndo>({
  name: "sigstop",
  undoSchema: StopUndo,
  probe: async () => null,

  plan({ target }) {
    return {
      steps: [`SIGSTOP to every process of ${target.name}`],
      undo: { kind: "sigstop", cgroup: cgroupOf(target) },
    };
  },

  async inspect({ target }) {
    requireRunning(target);
  },

  async inject({ target }, undo, amend) {
    const { cgroup } = undo;
    // More than once: a process may fork between the listing and its own signal.
    const allStopped = (): boolean => {
      const all = processesOf(cgroup);
      const running = all.filter((each) => !isStopped(each));
      if (cgroup.tree && running.length > 0)
        amend({ ...undo, processes: all.map(({ pid, starttime }) => ({ pid, starttime })) });
      for (const each of running) signalProcess(each, "SIGSTOP");
      return running.length === 0;
    };
    await waitFor(allStopped, {
      what: `the processes of ${target.name} to stop`,
      timeoutMs: 5_000,
      intervalMs: 2,
    });
    return { verify: async () => stopEvidence(processesOf(cgroup)) };
  },

  async undo(undo) {
    const allRun = (): boolean => {
      const stopped = stoppedBy(undo);
      for (const each of stopped) signalProcess(each, "SIGCONT");
      return stopped.length === 0;
    };
    await waitFor(allRun, { what: "stopped processes to go on", timeoutMs: 5_000, intervalMs: 2 });
  },

  async remains(undo) {
    const stopped = stoppedBy(undo);
    return stopped.length === 0 ? null : stoppedInWords(stopped);
  },
});

export function stopEvidence(all: readonly NodeProcess[]): Evidence {
  const stopped = all.filter(isStopped).length;
  const running = all.length - stopped;
  const others = running > 0 ? `; ${running} run: somebody started the node again or let it go on` : "";
  return {
    landed: stopped > 0,
    detail: `${stopped} of ${all.length} processes are stopped${others}`,
    measures: { stopped_processes: stopped, running_processes: running },
  };
}

export const stop = defineFault({
  type: "stop",
  check: ({ target }) => void cgroupOf(target),
  backends: [sigstop],
});
