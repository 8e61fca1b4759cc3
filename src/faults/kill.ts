/**
 * `kill`: SIGKILL to every process of the node at once, as by the OOM killer or a power cut. Whoever supervises the
 * node starts it again, so that there is nothing to take back but what a killer that died half-way has left.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { isAlive, type ProcessRef } from "../lab/process.ts";
import type { Target } from "../lab/target.ts";
import type { Evidence } from "../model/fault.ts";
import type { KillParams } from "../model/params.ts";
import { defineBackend, defineFault } from "./fault.ts";
import { Cgroup, cgroupOf } from "./node/cgroup.ts";
import { heldStill, killAll, processesOf, requireRunning, thaw, waitGone } from "./node/processes.ts";
import { restartsOf } from "./node/supervisor.ts";

const KillUndo = Type.Object({ kind: Type.Literal("sigkill"), cgroup: Cgroup });
type KillUndo = Static<typeof KillUndo>;

const sigkill = defineBackend<KillParams, KillUndo>({
  name: "sigkill",
  undoSchema: KillUndo,
  probe: async () => null,

  plan({ target }) {
    return {
      steps: [`SIGKILL to every process of ${target.name}`],
      undo: { kind: "sigkill", cgroup: cgroupOf(target) },
    };
  },

  async inspect({ target }) {
    requireRunning(target);
  },

  async inject({ target }, { cgroup }) {
    const restarts = await restartsOf(target);
    const killed = await killAll(cgroup);
    await waitGone(killed, target.name);
    return { verify: () => evidenceOfDeath(target, killed, restarts) };
  },

  /** Thaws what a killer that died half-way has left frozen: its signals arrive, and the node may come back. */
  undo: async ({ cgroup }) => thaw(cgroup),

  /** SIGKILL leaves nothing: a node that is not back yet is its supervisor's affair, and the SLIs tell. */
  remains: async ({ cgroup }) => heldStill(cgroup),
});

/** @param restartsBefore as the supervisor counted them before the death; null when nobody does. */
export async function evidenceOfDeath(
  target: Target,
  killed: readonly ProcessRef[],
  restartsBefore: number | null,
): Promise<Evidence> {
  const [restarts, running] = [await restartsOf(target), processesOf(cgroupOf(target)).length];
  const alive = killed.filter(isAlive).length;
  const since = restarts === null || restartsBefore === null ? null : restarts - restartsBefore;
  const back = since === null ? "" : `, restarted ${since === 1 ? "once" : `${since} times`} since`;
  return {
    landed: killed.length > 0 && alive === 0,
    detail: `${killed.length - alive} of ${killed.length} processes are gone${back}; ${running} run now`,
    measures: {
      killed_processes: killed.length - alive,
      running_processes: running,
      ...(since === null ? {} : { restarts: since }),
    },
  };
}

export const kill = defineFault({
  type: "kill",
  check: ({ target }) => void cgroupOf(target),
  backends: [sigkill],
});
