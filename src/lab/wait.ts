/** Waiting for a condition with a deadline, never for a while. @module */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";

export interface WaitOptions {
  /** What is awaited, for the error: "pg-primary to accept connections". */
  what: string;
  timeoutMs: number;
  intervalMs?: number;
  /** Called when time runs out, for a hint such as the last line of a log. */
  hint?: () => string | undefined;
  signal?: AbortSignal;
}

/**
 * Waits until every task has ended, then throws what the first of them that failed threw: whoever acts upon it finds
 * nothing still at work.
 */
export async function waitForAll(tasks: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Calls `probe` until it returns something other than null, undefined or false, and returns that.
 * A probe that throws counts as "not yet"; its last error is named when time runs out.
 */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  { what, timeoutMs, intervalMs = 20, hint, signal }: WaitOptions,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await probe();
      if (value !== null && value !== undefined && value !== false)
        return value as NonNullable<Exclude<T, false>>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const why = last === undefined ? "" : `: ${reasonOf(last)}`;
      throw new ChaoslabError("labFailed", `waited ${timeoutMs / 1000} s for ${what}${why}`, hint?.());
    }
    await Bun.sleep(intervalMs);
  }
}
