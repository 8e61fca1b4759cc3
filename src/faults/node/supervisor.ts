/**
 * What the supervisor of a target says about it.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { isReady, stateOf } from "../../lab/docker/container.ts";
import { Engine } from "../../lab/docker/engine.ts";
import type { Target } from "../../lab/target.ts";

const ANSWER_MS = 1_000;

const NodeStatus = Type.Object({
  name: Type.String(),
  /** `ready`: the node's own probe has been answered since its last start. */
  state: Type.String(),
  /** Starts after the first one. */
  restarts: Type.Integer(),
});
const Status = Type.Array(NodeStatus);
export type SupervisedStatus = Static<typeof NodeStatus>;

/** Null when nobody supervises the target, or the supervisor does not answer. */
export async function statusOf(target: Target): Promise<SupervisedStatus | null> {
  const { name, supervisor } = target;
  if (supervisor === null) return null;
  try {
    return supervisor.by === "lab"
      ? await statusByLab(name, supervisor.socket)
      : await statusByEngine(target, supervisor.socket, supervisor.container);
  } catch {
    // A supervisor that does not answer is told from one that does by the null.
    return null;
  }
}

async function statusByLab(name: string, socket: string): Promise<SupervisedStatus | null> {
  const answer = await fetch("http://supervisor/status", {
    unix: socket,
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const status: unknown = await answer.json();
  if (!Value.Check(Status, status)) return null;
  return status.find((each) => each.name === name) ?? null;
}

/** A service is asked itself: the engine's health check looks every few seconds only. */
async function statusByEngine(
  { name, url }: Target,
  socket: string,
  id: string,
): Promise<SupervisedStatus | null> {
  const container = await new Engine(socket).inspect(id);
  const { RestartCount: restarts } = container;
  const state = stateOf(container);
  if (url === null || !container.State.Running) return { name, state, restarts };
  return { name, state: (await isReady(url, ANSWER_MS)) ? "ready" : "starting", restarts };
}

/** Whether somebody starts the target again when it is killed, or has ended in order. */
export function isRestarted({ supervisor }: Target, inOrder: boolean): boolean {
  if (supervisor === null || supervisor.by === "lab") return supervisor !== null;
  return supervisor.restarts === "always" || (supervisor.restarts === "on-failure" && !inOrder);
}

/** Starts of the target after its first one; null when nobody counts them. */
export const restartsOf = async (target: Target): Promise<number | null> =>
  (await statusOf(target))?.restarts ?? null;
