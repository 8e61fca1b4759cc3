/**
 * A process that outlives the runner by design: if the runner dies without a word, SIGKILL included, the guard
 * sees its pipe close and reverts every fault in the lab's journal.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { selfCommand } from "../cli/self.ts";
import { openFaults } from "../faults/journal.ts";

export const RELEASE = "release\n";

export interface Guard extends AsyncDisposable {
  readonly pid: number;
}

/** Starts the guard and waits until it watches. Disposing releases it when nothing is left to revert. */
export async function startGuard(journal: string): Promise<Guard> {
  const child = Bun.spawn(selfCommand("internal", "guard", journal), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    // Its own session: what ends the runner's process group must not end its guard.
    detached: true,
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!value || !new TextDecoder().decode(value).startsWith("watching")) {
    child.kill("SIGKILL");
    throw new ChaoslabError("internal", "the guard process did not start, so no fault will be injected");
  }
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      // With a fault still open the guard is not released: it takes over.
      if (openFaults(journal).length === 0) child.stdin.write(RELEASE);
      await child.stdin.end();
      await child.exited;
    },
  };
}
