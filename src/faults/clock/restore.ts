/**
 * Takes a clock fault out of every process that has it: those in the node's cgroup, and those that the journal names.
 * @module
 */
import { ChaoslabError, reasonOf } from "../../cli/errors.ts";
import type { ProcessRef } from "../../lab/process.ts";
import { waitFor } from "../../lab/wait.ts";
import { isFrozen, members } from "../node/members.ts";
import { VdsoMemory } from "./memory.ts";
import { activeBlobs, restoreProcess } from "./skew.ts";

/** A process as it was before the fault. */
export interface Recorded extends ProcessRef {
  /** Address of its vDSO, for people: the process tells where it is now. */
  vdso: number;
  /** Bytes displaced, in hexadecimal, by their offset from its vDSO. */
  originals: { at: number; bytes: string }[];
}

/** While a skewed process forks, each look may find a child that the last one did not. */
const MOST_LOOKS = 100;

/**
 * Restores every process; tries again for a while when one is held by a debugger, or by another undo.
 *
 * @throws {ChaoslabError} naming the processes that could not be restored; the others are.
 */
export async function restoreWithin(
  timeoutMs: number,
  id: string,
  dirs: readonly string[],
  recorded: readonly Recorded[],
): Promise<void> {
  const attempt = (): true => {
    restoreAll(id, dirs, recorded);
    return true;
  };
  await waitFor(attempt, { what: "the clock to be restored", timeoutMs });
}

/**
 * Restores until a look finds nothing to restore.
 *
 * @throws {ChaoslabError} `internal` naming the processes that could not be restored; the others are.
 */
function restoreAll(id: string, dirs: readonly string[], recorded: readonly Recorded[]): void {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const failed: string[] = [];
    let restored = 0;
    for (const process of candidates(dirs, recorded)) {
      const known = recorded.find(
        ({ pid, starttime }) => pid === process.pid && starttime === process.starttime,
      );
      const originals = new Map(known?.originals.map(({ at, bytes }) => [at, Buffer.from(bytes, "hex")]));
      try {
        if (restoreProcess(process, id, originals, isFrozen(dirs)) === "restored") restored++;
      } catch (error) {
        failed.push(reasonOf(error));
      }
    }
    if (failed.length > 0) throw new ChaoslabError("internal", `clock not restored: ${failed.join("; ")}`);
    if (restored === 0) return;
  }
  throw new ChaoslabError("internal", "clock not restored: the node forks faster than it can be restored");
}

/** Processes in which something still leads into this fault's code. */
export function skewedBy(id: string, dirs: readonly string[], recorded: readonly Recorded[]): ProcessRef[] {
  return candidates(dirs, recorded).filter((process) => {
    using memory = VdsoMemory.open(process);
    const image = memory?.image();
    return memory && image ? activeBlobs(memory, image).some((blob) => blob.id === id) : false;
  });
}

function candidates(dirs: readonly string[], recorded: readonly Recorded[]): ProcessRef[] {
  const found = members(dirs);
  const pids = new Set(found.map(({ pid }) => pid));
  return [...found, ...recorded.filter(({ pid }) => !pids.has(pid))];
}
