/**
 * The processes of a node, as its cgroup has them, or as they have started each other.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../cli/errors.ts";
import { type ProcessRef, processRef, treePids } from "../../lab/process.ts";
import type { Target } from "../../lab/target.ts";

const TREE = "tree:";

/** Groups of a node, as text that fits on a command line: folders, or the process whose tree the node is. */
export function groupsOf({ cgroup }: Pick<Target, "cgroup">): string[] {
  if (!cgroup?.tree) return [...(cgroup?.dirs ?? [])];
  return [`${TREE}${cgroup.tree.pid}:${cgroup.tree.starttime}`];
}

/** Process ids in these groups and in those below; a group that is gone has none. */
export function memberPids(dirs: readonly string[]): Set<number> {
  const pids = new Set<number>();
  for (const dir of dirs) {
    if (dir.startsWith(TREE)) {
      const [pid = 0, starttime = 0] = dir.slice(TREE.length).split(":").map(Number);
      for (const member of treePids({ pid, starttime })) pids.add(member);
      continue;
    }
    for (const line of textOf(join(dir, "cgroup.procs")).split("\n")) {
      // 0 is a process of another pid namespace.
      if (Number(line) > 0) pids.add(Number(line));
    }
    for (const pid of memberPids(groupsIn(dir))) pids.add(pid);
  }
  return pids;
}

export function members(dirs: readonly string[]): ProcessRef[] {
  return [...memberPids(dirs)].map(processRef).filter((ref) => ref !== null);
}

/** True when the v1 freezer holds the group: its processes stop for nobody, and do not run. */
export function isFrozen(dirs: readonly string[]): boolean {
  return dirs.some((dir) => textOf(join(dir, "freezer.state")).trim() === "FROZEN");
}

function groupsIn(dir: string): string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

const isMissing = (error: unknown): boolean => ["ENOENT", "ENODEV"].includes(codeOf(error) ?? "");
