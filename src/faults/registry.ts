/**
 * Every fault type there is. A new one: a file beside this, its wire name in src/model/fault.ts, a line here.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import type { FaultType } from "../model/fault.ts";
import type { Fault, Undo } from "./fault.ts";
import { latency } from "./latency.ts";

/** The compiler refuses this table while a wire name lacks its fault. */
export const FAULTS: Readonly<Record<FaultType, Fault>> = { latency };

/** Carries an undo out, whichever backend wrote it. */
export async function undo(data: Undo): Promise<void> {
  const backend = Object.values(FAULTS)
    .flatMap((fault) => fault.backends)
    .find((each) => each.name === data.kind);
  if (!backend) throw new ChaoslabError("internal", `journal: no backend knows how to undo ${data.kind}`);
  await backend.undo(data);
}
