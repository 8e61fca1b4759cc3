/**
 * How chaoslab starts another copy of itself: the compiled binary, or Bun on the source when developing.
 * @module
 */
import { resolve } from "node:path";

/** True inside a `bun build --compile` binary. */
export const isCompiled = Bun.main.startsWith("/$bunfs/");

/** Argument vector that runs `chaoslab <args>`. */
export function selfCommand(...args: string[]): string[] {
  return isCompiled
    ? [process.execPath, ...args]
    : [process.execPath, resolve(import.meta.dir, "../main.ts"), ...args];
}
