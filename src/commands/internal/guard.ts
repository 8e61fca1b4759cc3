/** Waits for the runner to release it or to die; in the second case reverts every fault in the journal. */
import { ExitCode } from "../../cli/errors.ts";
import { RELEASE } from "../../experiment/guard.ts";
import { revertAll } from "../../faults/controller.ts";

/** Tries again while something cannot be undone yet, for this long in all. */
const PERSIST_MS = 30_000;
const RETRY_MS = 500;

export async function run(args: string[]): Promise<number> {
  const journal = args[0] ?? "";
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.stdout.write("watching\n");
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of Bun.stdin.stream()) said += decoder.decode(chunk, { stream: true });
  if (said === RELEASE) return ExitCode.ok;

  const deadline = performance.now() + PERSIST_MS;
  for (;;) {
    const failed = (await revertAll(journal)).filter((reverted) => reverted.error !== null);
    if (failed.length === 0) return ExitCode.ok;
    if (performance.now() > deadline) return ExitCode.internal;
    await Bun.sleep(RETRY_MS);
  }
}
