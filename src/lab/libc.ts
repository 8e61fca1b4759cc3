/**
 * The C library, for the few system calls that Bun has no API for.
 * @module
 */
import { dlopen, type FFIFunction } from "bun:ffi";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";

/** glibc, then musl under its two architectures' names. */
const NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** Loads these functions. @throws {ChaoslabError} `prerequisite` when there is no C library that has them. */
export function openLibc<const F extends Record<string, FFIFunction>>(functions: F) {
  let last: unknown;
  for (const name of NAMES) {
    try {
      return dlopen(name, functions).symbols;
    } catch (error) {
      last = error;
    }
  }
  throw new ChaoslabError("prerequisite", `the C library could not be loaded: ${reasonOf(last)}`);
}
