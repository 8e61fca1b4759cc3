/** Files that a flag names. @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "./errors.ts";

/** Writes a whole file, and the folders above it. */
export function writeOutput(flag: string, path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new ChaoslabError(
      codeOf(error) === "EACCES" ? "permission" : "usage",
      `--${flag}: ${path} cannot be written: ${reasonOf(error)}`,
    );
  }
}
