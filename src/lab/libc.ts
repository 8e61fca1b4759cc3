/**
 * The C library, for the few system calls that Bun has no API for.
 * @module
 */
import { dlopen, type FFIFunction, FFIType, read } from "bun:ffi";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";

/** glibc, then musl under its two architectures' names. */
const NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

const ERRNO = { __errno_location: { args: [], returns: FFIType.ptr } } as const;
/** Loaded before it is needed: to load is to make calls, each with an errno of its own. */
let location: ReturnType<typeof dlopen<typeof ERRNO>>["symbols"] | null = null;

/** Loads these functions. @throws {ChaoslabError} `prerequisite` when there is no C library that has them. */
export function openLibc<const F extends Record<string, FFIFunction>>(functions: F) {
  let last: unknown;
  for (const name of NAMES) {
    try {
      const { symbols } = dlopen(name, functions);
      location ??= dlopen(name, ERRNO).symbols;
      return symbols;
    } catch (error) {
      last = error;
    }
  }
  throw new ChaoslabError("prerequisite", `the C library could not be loaded: ${reasonOf(last)}`);
}

/** errno of the call that this thread has just made. 0 before anything was loaded. */
export function errno(): number {
  const at = location?.__errno_location() ?? null;
  return at === null ? 0 : read.i32(at, 0);
}
