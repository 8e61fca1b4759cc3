/**
 * `restart`: a node ends and its supervisor starts it again, as in a deployment. With `drain` it is asked to end, by the
 * signal that is the node's own for it, and killed when it has not within `grace_ms`; without, it is killed at once.
 *
 * `then` makes it a rolling restart: the other nodes follow, one at a time, while the fault lasts. Its end, by lease or
 * revert, ends the roll.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { isAlive } from "../lab/process.ts";
import type { Target } from "../lab/target.ts";
import type { RestartParams } from "../model/params.ts";
import { defineBackend, defineFault, type FaultRequest } from "./fault.ts";
import { Cgroup, cgroupOf } from "./node/cgroup.ts";
import { requireSupervised } from "./node/node-restart.ts";
import { heldStill, killAll, requireRunning, thaw, waitGone } from "./node/processes.ts";
import { Roll } from "./node/roll.ts";
import { isRestarted } from "./node/supervisor.ts";

/** That of `docker stop` and its like. */
const DEFAULT_GRACE_MS = 10_000;
const DEFAULT_READY_MS = 30_000;

const RestartUndo = Type.Object({
  kind: Type.Literal("restart"),
  /** The node whose turn it is. Those before it are ready again, those after it untouched. */
  cgroup: Cgroup,
  /** Its process that was asked to end; null while none has been. */
  asked: Type.Union([Type.Object({ pid: Type.Integer(), starttime: Type.Number() }), Type.Null()]),
});
type RestartUndo = Static<typeof RestartUndo>;
type Request = FaultRequest<RestartParams>;

/** In the order of their turns. */
const nodesOf = ({ target, others, params: { then = [] } }: Request): Target[] => [
  target,
  ...then.flatMap((name) => others[name] ?? []),
];

const restartNodes = defineBackend<RestartParams, RestartUndo>({
  name: "restart",
  undoSchema: RestartUndo,
  async probe(request) {
    const alone = nodesOf(request).find((node) => !isRestarted(node, request.params.drain));
    return alone ? `nothing starts ${alone.name} again when it ends` : null;
  },

  plan(request) {
    const { drain, grace_ms = DEFAULT_GRACE_MS } = request.params;
    const steps = nodesOf(request).flatMap(({ name, stopSignal }, i) => [
      ...(i === 0 ? [] : ["wait until that node is ready again"]),
      ...(drain
        ? [
            `${stopSignal} to the main process of ${name}`,
            `SIGKILL to every process of ${name} if it lives after ${grace_ms} ms`,
          ]
        : [`SIGKILL to every process of ${name}`]),
    ]);
    return { steps, undo: { kind: "restart", cgroup: cgroupOf(request.target), asked: null } };
  },

  async inspect(request) {
    for (const node of nodesOf(request)) {
      requireRunning(node);
      await requireSupervised(node);
    }
  },

  async inject(request, undo, amend) {
    const { drain, grace_ms = DEFAULT_GRACE_MS, ready_ms = DEFAULT_READY_MS } = request.params;
    const options = { drain, graceMs: grace_ms, readyMs: ready_ms };
    const roll = new Roll(nodesOf(request), options, (halfWay) => amend({ ...undo, ...halfWay }));
    await roll.begin();
    return { verify: async () => roll.evidence(), halt: () => roll.halt() };
  },

  /** Ends a node that was asked to end and has not: half-way it would neither serve nor be started again. */
  async undo({ cgroup, asked }) {
    thaw(cgroup);
    // A node started since has another main process, and lives.
    if (asked && isAlive(asked)) await waitGone(await killAll(cgroup), `process ${asked.pid}`);
  },

  /** A roll that still goes on. Nodes that have ended and are not ready again are their supervisor's affair. */
  async remains({ cgroup, asked }) {
    if (asked && isAlive(asked)) return `process ${asked.pid} is still asked to end`;
    const held = heldStill(cgroup);
    return held && `of the node whose turn it was: ${held}`;
  },
});

export const restart = defineFault({
  type: "restart",
  check: (request) => nodesOf(request).forEach(cgroupOf),
  backends: [restartNodes],
});
