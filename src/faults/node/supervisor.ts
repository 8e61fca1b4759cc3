/**
 * What the supervisor of a target says about it.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Target } from "../../lab/target.ts";

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
export async function statusOf({ name, supervisor }: Target): Promise<SupervisedStatus | null> {
  if (supervisor === null) return null;
  try {
    const answer = await fetch("http://supervisor/status", {
      unix: supervisor,
      signal: AbortSignal.timeout(1_000),
    });
    const status: unknown = await answer.json();
    if (!Value.Check(Status, status)) return null;
    return status.find((each) => each.name === name) ?? null;
  } catch {
    // A supervisor that does not answer is told from one that does by the null.
    return null;
  }
}

/** Starts of the target after its first one; null when nobody counts them. */
export const restartsOf = async (target: Target): Promise<number | null> =>
  (await statusOf(target))?.restarts ?? null;
