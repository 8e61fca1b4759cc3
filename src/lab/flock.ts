/**
 * An advisory lock on a file, which the kernel gives back when its holder ends, however it ends: flock(2).
 * @module
 */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";

const LOCK_EX = 2;

/** glibc, then musl under its two architectures' names. */
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function open() {
  let last: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols;
    } catch (error) {
      last = error;
    }
  }
  throw new ChaoslabError("prerequisite", `the C library could not be loaded: ${reasonOf(last)}`);
}

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
