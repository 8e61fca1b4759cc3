/**
 * Every fault type there is. A new one: a file beside this, its wire name in src/model/fault.ts, a line here.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import type { FaultType } from "../model/fault.ts";
import { bandwidth } from "./bandwidth.ts";
import { clock } from "./clock.ts";
import { corrupt } from "./corrupt.ts";
import { cpu } from "./cpu.ts";
import { dependency } from "./dependency.ts";
import { disk } from "./disk.ts";
import { duplicate } from "./duplicate.ts";
import type { Fault, Undo } from "./fault.ts";
import { kill } from "./kill.ts";
import { latency } from "./latency.ts";
import { loss } from "./loss.ts";
import { memory } from "./memory.ts";
import { partition } from "./partition.ts";
import { reorder } from "./reorder.ts";
import { restart } from "./restart.ts";
import { stop } from "./stop.ts";
import { toxic } from "./toxic.ts";

/** The compiler refuses this table while a wire name lacks its fault. */
export const FAULTS: Readonly<Record<FaultType, Fault>> = {
  latency,
  loss,
  duplicate,
  corrupt,
  reorder,
  bandwidth,
  partition,
  kill,
  stop,
  restart,
  cpu,
  memory,
  disk,
  dependency,
  clock,
  toxic,
};

/** Carries an undo out, whichever backend wrote it. */
export async function undo(data: Undo): Promise<void> {
  await backendOf(data).undo(data);
}

/** What is still to be seen of the fault that this undoes, in a few words; null when nothing is. */
export async function remains(data: Undo): Promise<string | null> {
  return backendOf(data).remains(data);
}

function backendOf({ kind }: Undo): Fault["backends"][number] {
  const backend = Object.values(FAULTS)
    .flatMap((fault) => fault.backends)
    .find((each) => each.name === kind);
  if (backend) return backend;
  throw new ChaoslabError("internal", `journal: no backend knows how to undo ${kind}`);
}
