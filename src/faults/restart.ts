/**
 * `restart`: one node ends and its supervisor starts it again, as in a deployment. With `drain` it is asked by SIGTERM
 * and may end by itself within `grace_ms`, then it is killed; without, it is killed at once.
 *
 * One node a fault: a rolling restart is a schedule of these. Postgres takes SIGTERM for its smart shutdown, which
 * refuses new clients and waits for the old ones to leave; pools never do, so expect the whole grace.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { reasonOf } from "../cli/errors.ts";
import { isAlive, type ProcessRef, signalProcess } from "../lab/process.ts";
import type { Evidence } from "../model/fault.ts";
import type { RestartParams } from "../model/params.ts";
import { defineBackend, defineFault } from "./fault.ts";
import { evidenceOfDeath } from "./kill.ts";
import { Cgroup, cgroupOf } from "./node/cgroup.ts";
import { killAll, mainProcess, requireRunning, thaw, waitGone } from "./node/processes.ts";
import { restartsOf } from "./node/supervisor.ts";

/** That of `docker stop` and its like. */
const DEFAULT_GRACE_MS = 10_000;

const RestartUndo = Type.Object({
  kind: Type.Literal("restart"),
  cgroup: Cgroup,
  /** The process that was asked to end; null while none has been. */
  asked: Type.Union([Type.Object({ pid: Type.Integer(), starttime: Type.Number() }), Type.Null()]),
});
type RestartUndo = Static<typeof RestartUndo>;

/** Kills what is left of the node that was asked to end. A node started since has another main process, and lives. */
async function killIfStill(cgroup: Cgroup, asked: ProcessRef): Promise<boolean> {
  if (!isAlive(asked)) return false;
  await waitGone(await killAll(cgroup), `process ${asked.pid}`);
  return true;
}

const restartNode = defineBackend<RestartParams, RestartUndo>({
  name: "restart",
  undoSchema: RestartUndo,
  probe: async ({ target }) =>
    target.supervisor === null ? `nothing starts ${target.name} again when it ends` : null,

  plan({ target, params: { drain, grace_ms = DEFAULT_GRACE_MS } }) {
    const all = `SIGKILL to every process of ${target.name}`;
    return {
      steps: drain
        ? [`SIGTERM to the main process of ${target.name}`, `${all} if it lives after ${grace_ms} ms`]
        : [all],
      undo: { kind: "restart", cgroup: cgroupOf(target), asked: null },
    };
  },

  async inspect({ target }) {
    requireRunning(target);
  },

  async inject({ target, params: { drain, grace_ms = DEFAULT_GRACE_MS } }, undo, amend) {
    const { cgroup } = undo;
    const all = requireRunning(target);
    const restarts = await restartsOf(target);
    if (!drain) {
      const killed = await killAll(cgroup);
      await waitGone(killed, target.name);
      return { verify: () => evidenceOfDeath(target, killed, restarts) };
    }
    const main = mainProcess(all);
    if (!main) throw new RangeError(`${target.name}: processes without a first one`);
    const asked = { pid: main.pid, starttime: main.starttime };
    amend({ ...undo, asked });
    signalProcess(asked, "SIGTERM");
    const ending = new Ending(asked, grace_ms, () => killIfStill(cgroup, asked));
    return {
      async verify() {
        return ending.describe(await evidenceOfDeath(target, [asked], restarts));
      },
    };
  },

  /** Ends a node that was asked to end and has not: half-way it would neither serve nor be started again. */
  async undo({ cgroup, asked }) {
    thaw(cgroup);
    if (asked) await killIfStill(cgroup, asked);
  },
});

/** Waits, behind the run's back, for a process to end; kills it when its grace is over. */
class Ending {
  #outcome: "drained" | "killed" | "draining" = "draining";
  #failure: string | null = null;
  #endedAfterMs: number | null = null;
  readonly #started = performance.now();

  constructor(
    readonly asked: ProcessRef,
    readonly graceMs: number,
    readonly kill: () => Promise<boolean>,
  ) {
    this.#watch();
  }

  #watch(): void {
    const passed = performance.now() - this.#started;
    if (!isAlive(this.asked)) {
      this.#outcome = "drained";
      this.#endedAfterMs = passed;
    } else if (passed < this.graceMs) {
      // Unreferenced: a process that is done need not wait for this one, its undo kills.
      setTimeout(() => this.#watch(), Math.min(10, this.graceMs - passed)).unref();
    } else {
      this.kill().then(
        (killed) => {
          this.#outcome = killed ? "killed" : "drained";
          this.#endedAfterMs = performance.now() - this.#started;
        },
        (error: unknown) => {
          this.#failure = reasonOf(error);
        },
      );
    }
  }

  describe(evidence: Evidence): Evidence {
    const ms = this.#endedAfterMs;
    const how = {
      draining: "asked to end and still draining",
      drained: `ended by itself ${Math.round(ms ?? 0)} ms after SIGTERM`,
      killed: `killed after a grace of ${this.graceMs} ms`,
    }[this.#outcome];
    const failed = this.#failure === null ? "" : `; killing it failed: ${this.#failure}`;
    return {
      ...evidence,
      detail: `${how}${failed}; ${evidence.detail}`,
      measures: {
        ...evidence.measures,
        drained: this.#outcome === "drained" ? 1 : 0,
        ...(ms === null ? {} : { ended_after_ms: ms }),
      },
    };
  }
}

export const restart = defineFault({
  type: "restart",
  check: ({ target }) => void cgroupOf(target),
  backends: [restartNode],
});
