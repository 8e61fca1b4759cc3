/**
 * An advisory lock on a file, which the kernel gives back when its holder ends, however it ends: flock(2).
 * @module
 */
import { FFIType } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { ChaoslabError, codeOf } from "../cli/errors.ts";
import { openLibc } from "./libc.ts";
import { waitFor } from "./wait.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

const open = () => openLibc({ flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
let libc: ReturnType<typeof open> | null = null;

function lock(fd: number, operation: number): boolean {
  libc ??= open();
  return libc.flock(fd, operation) === 0;
}

/** @throws {ChaoslabError} `notFound` when the folder of the lock is gone. */
function openLock(path: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    throw new ChaoslabError("notFound", `${dirname(path)} is gone`, "was the lab taken down?");
  }
}

/** Runs `work`, which is short, while no other process runs its own under the same path; waits for its turn. */
export function withLock<T>(path: string, work: () => T): T {
  const fd = openLock(path);
  try {
    if (!lock(fd, LOCK_EX)) throw new ChaoslabError("internal", `${path}: could not be locked`);
    return work();
  } finally {
    closeSync(fd);
  }
}

/**
 * The same for work that takes its time.
 * @throws {ChaoslabError} `busy` when its turn does not come in time.
 */
export async function withTurn<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const fd = openLock(path);
  try {
    await waitFor(() => lock(fd, LOCK_EX | LOCK_NB), { what: "", timeoutMs }).catch(() => {
      throw new ChaoslabError("busy", `${path}: another process has held it for ${timeoutMs / 1000} s`);
    });
    return await work();
  } finally {
    closeSync(fd);
  }
}
