/**
 * A load that is ready to start: one interface, whether this process sends the requests or workers of it do.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import type { LoadSummary } from "../model/load.ts";
import { raisePriority } from "./priority.ts";
import { type LoadHooks, type LoadOptions, runLoad } from "./run.ts";
import { waitUntil } from "./start-at.ts";
import { warmUp } from "./warm-up.ts";

/** Disposing ends whatever still runs of it. */
export interface ReadyLoad extends AsyncDisposable {
  /**
   * Runs to the end, or until `hooks.signal` stops it; the same records either way.
   * @param startAt Unix epoch milliseconds; null: at once.
   */
  run(startAt: number | null, hooks: LoadHooks): Promise<LoadSummary>;
}

/** The load of this process alone. */
export async function readyHere(options: Omit<LoadOptions, "startAt">): Promise<ReadyLoad> {
  raisePriority();
  await warmUp(options);
  return {
    run: (startAt, hooks) => runLoad({ ...options, startAt }, hooks),
    async [Symbol.asyncDispose]() {},
  };
}

/** Getting ready begins this long before the start: early enough, and tokens are still fresh. */
const PREPARE_MS = 10_000;
/** The last second is the load's own to wait. */
const APPROACH_MS = 1_000;

/**
 * Gets a load ready and runs it, at `startAt` where that is given. `count` is told how many seconds are left.
 * @throws ChaoslabError when it was stopped before the start, or was not ready in time.
 */
export async function runAt(
  startAt: number | null,
  prepare: () => Promise<ReadyLoad>,
  hooks: LoadHooks & { signal: AbortSignal },
  count: (secondsLeft: number) => void,
): Promise<LoadSummary> {
  const approach = async (aheadMs: number): Promise<void> => {
    if (startAt === null) return;
    const ahead = aheadMs / 1_000;
    await waitUntil(startAt - aheadMs, hooks.signal, (left) => count(left + ahead));
    if (hooks.signal.aborted) throw new ChaoslabError("aborted", "load: stopped before its start");
  };
  await approach(PREPARE_MS);
  await using load = await prepare();
  if (startAt !== null && Date.now() > startAt) {
    throw new ChaoslabError("usage", "--start-at: passed while the load got ready", "give a later start");
  }
  await approach(APPROACH_MS);
  return await load.run(startAt, hooks);
}
