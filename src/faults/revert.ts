/**
 * Takes faults back by their journal: those of a process that died, or of one that lives.
 * @module
 */
import { reasonOf } from "../cli/errors.ts";
import { isAlive } from "../lab/process.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { Undo } from "./fault.ts";
import { type Gone, lookAfter } from "./gone.ts";
import { Journal, type OpenFault, openFaults } from "./journal.ts";
import { undo } from "./registry.ts";

/** What was undone, and when. */
export interface Undone {
  /** Unix epoch milliseconds. */
  t_stop: number;
  undone: Undo;
}

export interface Reverted {
  /** `t_stop` is null when the undo failed. When it did not, `gone` tells what came of it. */
  event: FaultEvent;
  /** Why the undo failed, in one line; null when it did not. */
  error: string | null;
}

/** The undo failed, or it did not and the fault is seen all the same. */
export const isInForce = ({ event, error }: Reverted): boolean => error !== null || event.gone === false;

/**
 * Undoes the open faults of a journal, newest first, whoever injected them. Never throws for a fault that cannot be
 * undone: it stays open and is reported. Running it twice, or while the owner reverts, is fine.
 * @param which only these; default: every one.
 */
export async function revertAll(
  journalPath: string,
  which: (fault: OpenFault) => boolean = () => true,
): Promise<Reverted[]> {
  const journal = new Journal(journalPath);
  const results: (Reverted & { undone: Undo | null })[] = [];
  for (const fault of openFaults(journalPath).filter(which).reverse()) {
    try {
      const { t_stop, undone } = await undoForGood(journal, fault);
      results.push({ event: { ...fault.event, t_stop }, error: null, undone });
    } catch (error) {
      results.push({ event: fault.event, error: reasonOf(error), undone: null });
    }
  }
  // Last: no fault stays in force while one looks after another.
  const unknown: Gone = { gone: null, remains: null };
  return Promise.all(
    results.map(async ({ event, error, undone }) => ({
      event: { ...event, ...(undone ? await lookAfter(undone) : unknown) },
      error,
    })),
  );
}

/** How long a command that outlived its owner may take to act, in milliseconds. They take about 10. */
const STRAGGLER_MS = 300;

/** Undoes and closes. An owner that lives may act on, and amend the undo, until the fault is closed. */
async function undoForGood(journal: Journal, fault: OpenFault): Promise<Undone> {
  for (let latest = fault; ; ) {
    await undoWithStragglers(latest);
    const t_stop = journal.close(fault.id, Date.now(), latest.undo);
    if (t_stop !== null) return { t_stop, undone: latest.undo };
    latest = openFaults(journal.path).find(({ id }) => id === fault.id) ?? latest;
  }
}

/** When the owner died while injecting, watches a moment for a command that it had started and left behind. */
async function undoWithStragglers(fault: OpenFault): Promise<void> {
  await undo(fault.undo);
  if (fault.active || isAlive(fault.owner)) return;
  const deadline = performance.now() + STRAGGLER_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(50);
    await undo(fault.undo);
  }
}
