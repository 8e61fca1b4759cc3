/**
 * The process behind `chaoslab inject`: injects one fault, says so, and stays until the fault is reverted by its lease,
 * by a signal to this process, or by anybody else. Reads one KeepRequest as JSON from stdin; answers with one KeepAnswer.
 */
import { ChaoslabError, ExitCode, reasonOf } from "../../cli/errors.ts";
import { abortOnSignals } from "../../cli/signals.ts";
import type { KeepAnswer, KeepRequest } from "../../faults/keep.ts";
import { Keeper } from "../../faults/keeper.ts";

export async function run(): Promise<number> {
  const request = JSON.parse(await Bun.stdin.text()) as KeepRequest;
  const { signal } = abortOnSignals();
  const answer = (message: KeepAnswer): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
  // Whoever asked has gone without hearing the answer: nobody knows of the fault.
  const unheard = new Promise<void>((resolve) => process.stdout.on("error", () => resolve()));
  await using keeper = await Keeper.start(request.journal);
  try {
    answer({ event: await keeper.inject(request) });
  } catch (error) {
    const known = error instanceof ChaoslabError ? error : null;
    answer({
      exit: known?.kind ?? "internal",
      message: known?.message ?? reasonOf(error),
      hint: known?.hint ?? null,
    });
    return ExitCode.internal;
  }
  const stopped = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  if (signal.aborted) return ExitCode.aborted;
  await Promise.race([keeper.untilAllGone(), stopped, unheard]);
  return ExitCode.ok;
}
