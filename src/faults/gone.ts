/**
 * Whether a fault that was undone is gone: not because the undo did not fail, but because nothing shows it any more.
 * @module
 */
import { reasonOf } from "../cli/errors.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { Undo } from "./fault.ts";
import { remains } from "./registry.ts";

export type Gone = Pick<FaultEvent, "gone" | "remains">;

/** What is on its way out may be seen for so long: a process that ends, what another undo of the same fault takes back. */
const SETTLE_MS = 500;
const INTERVAL_MS = 20;

/** Looks, after the undo, until nothing is seen or it does not go away. Never throws. */
export async function lookAfter(
  undo: Undo,
  look: (undo: Undo) => Promise<string | null> = remains,
): Promise<Gone> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    let seen: string | null;
    try {
      seen = await look(undo);
    } catch (error) {
      return { gone: null, remains: `nobody could look: ${reasonOf(error)}` };
    }
    if (seen === null) return { gone: true, remains: null };
    if (performance.now() > deadline) return { gone: false, remains: seen };
    await Bun.sleep(INTERVAL_MS);
  }
}
