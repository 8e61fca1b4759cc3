/**
 * One cgroup per node, on cgroup v2 where it has the controllers and on v1 otherwise.
 * Groups are made under `chaoslab/<lab>/<node>` and nowhere else.
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "../../cli/errors.ts";

/** Controllers that faults need. v1 freezer has its equal in v2's cgroup.freeze. */
const V1_CONTROLLERS = ["cpu", "memory", "freezer"];
const V2_CONTROLLERS = ["cpu", "memory"];

export interface CgroupLayout {
  version: 1 | 2;
  /** Mount points: one per v1 hierarchy, or the one of v2. */
  roots: string[];
}

/** Finds where cgroups can be made, from the text of /proc/self/mounts and v2's list of controllers. */
export function findLayout(mounts: string, controllersOf: (v2Root: string) => string[]): CgroupLayout | null {
  const v1 = new Map<string, string>();
  for (const line of mounts.split("\n")) {
    const [, path = "", type, options = ""] = line.split(" ");
    if (type === "cgroup2") {
      const controllers = controllersOf(path);
      if (V2_CONTROLLERS.every((needed) => controllers.includes(needed)))
        return { version: 2, roots: [path] };
    }
    if (type !== "cgroup") continue;
    for (const controller of options.split(",")) {
      if (V1_CONTROLLERS.includes(controller) && !v1.has(controller)) v1.set(controller, path);
    }
  }
  if (!V1_CONTROLLERS.every((needed) => v1.has(needed))) return null;
  return { version: 1, roots: [...new Set(v1.values())] };
}

export function cgroupLayout(): CgroupLayout {
  const layout = findLayout(readFileSync("/proc/self/mounts", "utf8"), (root) => {
    try {
      return readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
    } catch {
      return [];
    }
  });
  if (!layout) {
    throw new ChaoslabError(
      "prerequisite",
      "cgroups with the cpu and memory controllers are not mounted here",
    );
  }
  return layout;
}

/** Folders of a lab's group, or of one node's: one per hierarchy. */
export function cgroupDirs(layout: CgroupLayout, lab: string, ...node: [string?]): string[] {
  return layout.roots.map((root) =>
    join(root, "chaoslab", lab, ...node.filter((part) => part !== undefined)),
  );
}

/** Hands v2 controllers down to the children of `dir`; v1 needs no such step. */
function delegate(dir: string): void {
  const control = join(dir, "cgroup.subtree_control");
  const enabled = readFileSync(control, "utf8").trim().split(" ");
  const missing = V2_CONTROLLERS.filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return;
  try {
    writeFileSync(control, missing.map((controller) => `+${controller}`).join(" "));
  } catch (error) {
    throw new ChaoslabError(
      "prerequisite",
      `cannot enable ${missing.join(" and ")} in ${control}: ${reasonOf(error)}`,
    );
  }
}

export function createCgroups(layout: CgroupLayout, lab: string, nodes: readonly string[]): void {
  for (const root of layout.roots) {
    const base = join(root, "chaoslab", lab);
    mkdirSync(base, { recursive: true });
    if (layout.version === 2) [root, dirname(base), base].forEach(delegate);
    for (const node of nodes) mkdirSync(join(base, node), { recursive: true });
  }
}

/** Moves a process, with what it will start, into a node's group. */
export function enterCgroup(layout: CgroupLayout, lab: string, node: string, pid: number): void {
  for (const dir of cgroupDirs(layout, lab, node)) writeFileSync(join(dir, "cgroup.procs"), String(pid));
}

/** Processes of a node now. */
export function cgroupProcesses(layout: CgroupLayout, lab: string, node: string): number[] {
  const pids = new Set<number>();
  for (const dir of cgroupDirs(layout, lab, node)) {
    try {
      for (const pid of readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n"))
        if (pid) pids.add(Number(pid));
    } catch (error) {
      if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENODEV") throw error;
    }
  }
  return [...pids];
}

/** Groups that exist below a lab: asked of the kernel, not of a record. */
export function cgroupNodes(layout: CgroupLayout, lab: string): string[] {
  const names = new Set<string>();
  for (const dir of cgroupDirs(layout, lab)) {
    if (!existsSync(dir)) continue;
    for (const entry of readdirSync(dir, { withFileTypes: true }))
      if (entry.isDirectory()) names.add(entry.name);
  }
  return [...names];
}

/** SIGKILLs all that is left in a node's group, thawing it first; returns how many were signalled. */
export function killCgroup(layout: CgroupLayout, lab: string, node: string): number {
  thaw(layout, lab, node);
  const pids = cgroupProcesses(layout, lab, node);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (codeOf(error) !== "ESRCH") throw error;
    }
  }
  return pids.length;
}

function thaw(layout: CgroupLayout, lab: string, node: string): void {
  const [file, value] = layout.version === 2 ? ["cgroup.freeze", "0"] : ["freezer.state", "THAWED"];
  for (const dir of cgroupDirs(layout, lab, node)) {
    const path = join(dir, file);
    if (existsSync(path)) writeFileSync(path, value);
  }
}

/** Removes a lab's groups, and `chaoslab` itself when no other lab uses it. Groups must be empty. */
export function removeCgroups(layout: CgroupLayout, lab: string): void {
  for (const dir of cgroupDirs(layout, lab)) {
    if (existsSync(dir)) {
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        if (entry.isDirectory()) rmdirSync(join(dir, entry.name));
      }
      rmdirSync(dir);
    }
    try {
      rmdirSync(dirname(dir));
    } catch (error) {
      // Other labs live there (EBUSY, ENOTEMPTY), or it is gone already.
      if (!["ENOENT", "EBUSY", "ENOTEMPTY"].includes(codeOf(error) ?? "")) throw error;
    }
  }
}
