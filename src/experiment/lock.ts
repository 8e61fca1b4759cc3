/** One run at a time in a lab: two would measure each other. @module */
import { closeSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { ChaoslabError, codeOf } from "../cli/errors.ts";
import { isAlive, type ProcessRef, self } from "../lab/process.ts";

/**
 * Takes the lock, or throws kind `busy` naming the process that holds it. The lock of a dead process is taken over.
 * Disposing gives it back.
 */
export function lockRun(path: string, lab: string): Disposable {
  const mine = `${path}.${process.pid}`;
  const fd = openSync(mine, "w", 0o600);
  writeSync(fd, JSON.stringify(self()));
  closeSync(fd);
  try {
    // A hard link appears whole or not at all: nobody reads a half-written lock.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        linkSync(mine, path);
        return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        const holder = holderOf(path);
        if (holder && isAlive(holder)) {
          throw new ChaoslabError(
            "busy",
            `another run (pid ${holder.pid}) is using lab ${lab}`,
            "wait for it, or use --lab",
          );
        }
        rmSync(path, { force: true });
      }
    }
    throw new ChaoslabError("busy", `another run has just taken lab ${lab}`, "wait for it, or use --lab");
  } finally {
    rmSync(mine, { force: true });
  }
}

function holderOf(path: string): ProcessRef | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessRef;
  } catch {
    return null;
  }
}
