/**
 * The control files of a node's own cgroup, in whichever hierarchy they are.
 * @module
 */
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError, codeOf, reasonOf } from "../../cli/errors.ts";
import type { Target } from "../../lab/target.ts";

/** Part of an undo: what a fault on a node is keyed on, as it outlives the node's processes. */
export const Cgroup = Type.Object({
  version: Type.Union([Type.Literal(1), Type.Literal(2)]),
  dirs: Type.Array(Type.String()),
  /** Instead of a group: this process, and what it has started. */
  tree: Type.Optional(Type.Object({ pid: Type.Integer(), starttime: Type.Number() })),
});
export type Cgroup = Static<typeof Cgroup>;

/** @throws {ChaoslabError} `badConfig` for a place without processes. */
export function cgroupOf({ name, cgroup }: Target): Cgroup {
  if (!cgroup) throw new ChaoslabError("badConfig", `${name} has no processes of its own`, "name a node");
  const { version, dirs, tree } = cgroup;
  return { version, dirs: [...dirs], ...(tree && { tree }) };
}

/** Path of a control file; null when the group has none of this name, or is gone. */
export function controlFile({ dirs }: Cgroup, name: string): string | null {
  return dirs.map((dir) => join(dir, name)).find((path) => existsSync(path)) ?? null;
}

/** The content without its last newline; null when the group is gone or was never given this controller. */
export function readControl(cgroup: Cgroup, name: string): string | null {
  const path = controlFile(cgroup, name);
  if (path === null) return null;
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Writes a control file; the group being gone is fine. @throws {ChaoslabError} with the kernel's `code` as cause. */
export function writeControl(cgroup: Cgroup, name: string, value: string): void {
  const path = controlFile(cgroup, name);
  if (path === null) return;
  try {
    // Not writeFileSync: it would try to create a file that has gone in between, which the kernel calls EPERM.
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isGone(error)) return;
    throw new ControlError(path, value, error);
  }
}

/** The kernel did not take a value. `code` is its errno, e.g. `EBUSY`. */
export class ControlError extends ChaoslabError {
  override readonly name = "ControlError";
  readonly code: string | undefined;
  constructor(path: string, value: string, error: unknown) {
    super("internal", `${path}: the kernel refuses ${value}: ${reasonOf(error)}`);
    this.code = codeOf(error);
  }
}

function isGone(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENODEV";
}

/** Parses `cpu.stat`, `memory.events` and their like: a name and a number per line. */
export function parseCounters(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const [name, value] = line.split(" ");
    if (name && value) counters[name] = Number(value);
  }
  return counters;
}
