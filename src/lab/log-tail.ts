/** The end of a node's log. @module */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { codeOf } from "../cli/errors.ts";

/** Of a log no more than this is looked at. */
const MOST_BYTES = 256 * 1024;

/** The last lines of a file, oldest first; none when there is no file. A line that is cut off at its begin is left out. */
export function tailOf(path: string, lines: number): string[] {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - MOST_BYTES);
    const bytes = Buffer.alloc(Math.min(size, MOST_BYTES));
    const read = readSync(fd, bytes, 0, bytes.length, from);
    const all = bytes.toString("utf8", 0, read).split("\n");
    if (from > 0) all.shift();
    if (all.at(-1) === "") all.pop();
    return all.slice(-lines);
  } finally {
    closeSync(fd);
  }
}
