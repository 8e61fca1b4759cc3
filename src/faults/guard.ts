/**
 * The watchdog: a process that outlives the owner of faults by design. When the owner dies without a word, SIGKILL
 * included, it sees its pipe close and reverts what the owner had injected. While the owner lives, it reverts what is
 * overdue, should the owner hang.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { selfCommand } from "../cli/self.ts";
import { isAlive, type ProcessRef, self } from "../lab/process.ts";
import { type OpenFault, ownFaults } from "./journal.ts";
import { revertAll } from "./revert.ts";

const RELEASE = "release\n";
/** How often leases are looked at, in milliseconds. */
const WATCH_MS = 250;
/** Overdue by this much, a fault's owner has had its chance. */
export const GRACE_MS = 1_000;
/** What cannot be undone at once is tried again for this long. */
const PERSIST_MS = 30_000;
const RETRY_MS = 500;

export interface Guard extends AsyncDisposable {
  readonly pid: number;
}

/** Starts a guard over this process's faults and waits until it watches. Disposing releases it when nothing is left to revert. */
export async function startGuard(journal: string): Promise<Guard> {
  const owner = self();
  const child = Bun.spawn(selfCommand("internal", "guard", journal, JSON.stringify(owner)), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    // Its own session: what ends the owner's process group must not end its guard.
    detached: true,
  });
  const { value } = await child.stdout.getReader().read();
  if (!value || !new TextDecoder().decode(value).startsWith("watching")) {
    child.kill("SIGKILL");
    throw new ChaoslabError("internal", "the guard process did not start, so no fault will be injected");
  }
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      // With a fault of ours still open the guard is not released: it takes over.
      if (ownFaults(journal, owner).length === 0) child.stdin.write(RELEASE);
      await child.stdin.end();
      await child.exited;
    },
  };
}

const isSame = (a: ProcessRef, b: ProcessRef): boolean => a.pid === b.pid && a.starttime === b.starttime;

export const isOverdue = ({ lease }: Pick<OpenFault, "lease">, now: number): boolean =>
  lease !== null && now > lease + GRACE_MS;

/** The guard's own life: watches until `said` ends; returns false when something could not be undone. */
export async function watch(journal: string, owner: ProcessRef, said: Promise<string>): Promise<boolean> {
  let ended: string | null = null;
  void said.then((text) => {
    ended = text;
  });
  while (ended === null) {
    await revertAll(journal, (fault) => isOverdue(fault, Date.now()));
    await Promise.race([said, Bun.sleep(WATCH_MS)]);
  }
  if (ended === RELEASE) return true;
  // The pipe closes a moment before the owner counts as dead: name it. Other dead owners' faults go too.
  const orphaned = (fault: OpenFault): boolean =>
    isSame(fault.owner, owner) || !isAlive(fault.owner) || isOverdue(fault, Date.now());
  const deadline = performance.now() + PERSIST_MS;
  for (;;) {
    const failed = (await revertAll(journal, orphaned)).filter((reverted) => reverted.error !== null);
    if (failed.length === 0) return true;
    if (performance.now() > deadline) return false;
    await Bun.sleep(RETRY_MS);
  }
}
