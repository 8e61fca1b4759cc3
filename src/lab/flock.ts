/**
 * An advisory lock on a file, which the kernel gives back when its holder ends, however it ends: flock(2).
 * @module
 */
import { FFIType } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { ChaoslabError } from "../cli/errors.ts";
import { openLibc } from "./libc.ts";

const LOCK_EX = 2;

const open = () => openLibc({ flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
let libc: ReturnType<typeof open> | null = null;

/** Runs `work` while no other process runs its own under the same path; waits for its turn. */
export function withLock<T>(path: string, work: () => T): T {
  libc ??= open();
  const fd = openSync(path, "a", 0o600);
  try {
    if (libc.flock(fd, LOCK_EX) !== 0) throw new ChaoslabError("internal", `${path}: could not be locked`);
    return work();
  } finally {
    closeSync(fd);
  }
}
