/**
 * What the supervisor of a target says about it.
 * @module
 */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Target } from "../../lab/target.ts";

const Status = Type.Array(
  Type.Object({ name: Type.String(), state: Type.String(), restarts: Type.Integer() }),
);

/** Starts of the target after its first one; null when nobody counts them, or the supervisor does not answer. */
export async function restartsOf({ name, supervisor }: Target): Promise<number | null> {
  if (supervisor === null) return null;
  try {
    const answer = await fetch("http://supervisor/status", {
      unix: supervisor,
      signal: AbortSignal.timeout(1_000),
    });
    const status: unknown = await answer.json();
    if (!Value.Check(Status, status)) return null;
    return status.find((each) => each.name === name)?.restarts ?? null;
  } catch {
    // It counts for evidence only, and there is other evidence.
    return null;
  }
}
