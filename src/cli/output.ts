/** Files that a flag names. @module */
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "./errors.ts";

/** Refuses a path that cannot be written, before anything is done whose outcome should go there. */
export function requireWritable(flag: string, path: string | undefined): void {
  if (path === undefined) return;
  attempt(flag, path, () => closeSync(openSync(path, "a")));
}

/** Writes a whole file, and the folders above it. */
export function writeOutput(flag: string, path: string, text: string): void {
  attempt(flag, path, () => writeFileSync(path, text));
}

function attempt(flag: string, path: string, act: () => void): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    act();
  } catch (error) {
    throw new ChaoslabError(
      codeOf(error) === "EACCES" ? "permission" : "usage",
      `--${flag}: ${path} cannot be written: ${reasonOf(error)}`,
    );
  }
}
