/**
 * Who holds a file open that has been deleted, and so keeps its space taken.
 * @module
 */
import { readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Processes with a deleted file of this name open. By name and not by path: whoever has its volume mounted elsewhere shows
 * another path. Processes that end meanwhile, or that we may not look into, show none.
 */
export function holdersOfDeleted(path: string): number[] {
  const ending = `/${basename(path)} (deleted)`;
  const pids = namesIn("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => {
      const folder = join("/proc", pid, "fd");
      return namesIn(folder).some((fd) => linkOf(join(folder, fd)).endsWith(ending));
    })
    .map(Number);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
