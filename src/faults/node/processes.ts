/**
 * The processes of a node, as its cgroup has them, and signals to all of them.
 * @module
 */
import { readFileSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import { isAlive, type ProcessRef, processRef, signalProcess } from "../../lab/process.ts";
import type { Target } from "../../lab/target.ts";
import { waitFor } from "../../lab/wait.ts";
import { type Cgroup, cgroupOf, readControl, writeControl } from "./cgroup.ts";
import { groupsOf, memberPids } from "./members.ts";

/** A living process with the fields of /proc/PID/status that matter here (proc(5)). */
export interface NodeProcess extends ProcessRef {
  /** `R`, `S`, `D`, `T` (stopped by a signal), `t` (stopped by a tracer), ... */
  state: string;
  parent: number;
  /** Memory in RAM, shared pages included, in KiB. */
  residentKib: number;
}

type Status = Pick<NodeProcess, "state" | "parent" | "residentKib">;

/** Processes of the node now, without zombies. A group that is gone has none. */
export function processesOf(cgroup: Cgroup): NodeProcess[] {
  return [...memberPids(groupsOf({ cgroup }))].flatMap((pid) => processOf(pid) ?? []);
}

function processOf(pid: number): NodeProcess | null {
  const ref = processRef(pid);
  const status = ref && statusOf(ref.pid);
  return ref && status ? { ...ref, ...status } : null;
}

function statusOf(pid: number): Status | null {
  try {
    return parseStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return null; // It ended in between.
  }
}

export function parseStatus(text: string): Status {
  return {
    state: /^State:\s+(\S)/m.exec(text)?.[1] ?? "",
    parent: Number(/^PPid:\s+(\d+)/m.exec(text)?.[1] ?? 0),
    residentKib: Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0),
  };
}

/** The first process of the node: the one whose parent is not of the node. Orphans, adopted by init, may be others. */
export function mainProcess(all: readonly NodeProcess[]): NodeProcess | null {
  const pids = new Set(all.map((each) => each.pid));
  const roots = all.filter((each) => !pids.has(each.parent));
  return roots.toSorted((a, b) => a.starttime - b.starttime || a.pid - b.pid)[0] ?? null;
}

/** @throws {ChaoslabError} `busy` when the node does not run, or somebody has frozen or stopped it. */
export function requireRunning(target: Target): NodeProcess[] {
  const cgroup = cgroupOf(target);
  const all = processesOf(cgroup);
  const { name } = target;
  if (all.length === 0)
    throw new ChaoslabError("busy", `${name}: it is not running`, "wait until it is ready");
  if (all.some((each) => each.state === "T")) {
    throw new ChaoslabError("busy", `${name}: it is stopped already; leaving it alone`);
  }
  if (isFrozen(cgroup)) throw new ChaoslabError("busy", `${name}: it is frozen; leaving it alone`);
  return all;
}

interface Freezer {
  set(frozen: boolean): void;
  /** Somebody has asked for it. */
  asked(): boolean;
  /** Every process stands still. */
  frozen(): boolean;
}

/** v1: freezer.state goes from THAWED over FREEZING to FROZEN. v2: cgroup.freeze asks, cgroup.events answers. */
function freezerOf(cgroup: Cgroup): Freezer {
  if (cgroup.version === 2) {
    return {
      set: (frozen) => writeControl(cgroup, "cgroup.freeze", frozen ? "1" : "0"),
      asked: () => readControl(cgroup, "cgroup.freeze") === "1",
      frozen: () => /^frozen 1$/m.test(readControl(cgroup, "cgroup.events") ?? ""),
    };
  }
  return {
    set: (frozen) => writeControl(cgroup, "freezer.state", frozen ? "FROZEN" : "THAWED"),
    asked: () => !["THAWED", null].includes(readControl(cgroup, "freezer.state")),
    frozen: () => readControl(cgroup, "freezer.state") === "FROZEN",
  };
}

/** True when somebody has asked for the group to stand still. A group that is gone does not. */
export const isFrozen = (cgroup: Cgroup): boolean => freezerOf(cgroup).asked();

/** Lets go a group that was frozen, or a tree that was stopped, for {@link killAll}. */
export function thaw(cgroup: Cgroup): void {
  if (isFrozen(cgroup)) freezerOf(cgroup).set(false);
  if (cgroup.tree) for (const each of stoppedOf(processesOf(cgroup))) signalProcess(each, "SIGCONT");
}

/** What a killer that died half-way has left so; null when nothing. */
export function heldStill(cgroup: Cgroup): string | null {
  if (isFrozen(cgroup)) return "its cgroup is frozen";
  const stopped = cgroup.tree ? stoppedOf(processesOf(cgroup)) : [];
  return stopped.length === 0 ? null : stoppedInWords(stopped);
}

export const isStopped = ({ state }: NodeProcess): boolean => state === "T";
export const stoppedOf = (all: readonly NodeProcess[]): NodeProcess[] => all.filter(isStopped);
export const stoppedInWords = (stopped: readonly ProcessRef[]): string =>
  `stopped processes: ${stopped.map(({ pid }) => pid).join(", ")}`;

/** Those of the processes that still are, as they are now. */
export const stillThere = (refs: readonly ProcessRef[]): NodeProcess[] =>
  refs.flatMap((ref) => (isAlive(ref) ? (processOf(ref.pid) ?? []) : []));

/**
 * SIGKILLs every process of the node, frozen for that moment so that none can fork its way past. The caller's undo
 * must thaw: whoever dies in here leaves the group frozen.
 * @returns the processes signalled; they are gone a moment later.
 */
export async function killAll(cgroup: Cgroup): Promise<NodeProcess[]> {
  if (cgroup.tree) return killTree(cgroup);
  const freezer = freezerOf(cgroup);
  freezer.set(true);
  try {
    // A process in the midst of disk I/O freezes late. It gets its signal all the same, and cannot fork before.
    await waitFor(freezer.frozen, { what: "", timeoutMs: 500, intervalMs: 1 }).catch(() => {});
    const all = processesOf(cgroup);
    for (const each of all) signalProcess(each, "SIGKILL");
    return all;
  } finally {
    freezer.set(false);
  }
}

/**
 * Without a group to freeze, its processes are stopped one by one until none is left that could fork. The first one dies
 * last: by it the others are found.
 */
async function killTree(cgroup: Cgroup): Promise<NodeProcess[]> {
  const allStopped = (): boolean => {
    const running = processesOf(cgroup).filter((each) => !isStopped(each));
    for (const each of running) signalProcess(each, "SIGSTOP");
    return running.length === 0;
  };
  await waitFor(allStopped, { what: "", timeoutMs: 500, intervalMs: 1 }).catch(() => {});
  const all = processesOf(cgroup);
  for (const each of all.toReversed()) signalProcess(each, "SIGKILL");
  return all;
}

/** How long a process that was killed may still be seen, and its connections be reset, in milliseconds. */
const DYING_MS = 500;

/** True when none of these processes lives, or a moment later: what they held in memory is gone. */
export async function haveEnded(refs: readonly ProcessRef[]): Promise<boolean> {
  const gone = (): boolean => !refs.some(isAlive);
  return waitFor(gone, { what: "", timeoutMs: DYING_MS, intervalMs: 10 }).catch(() => false);
}

/** Waits until none of these processes lives. */
export async function waitGone(refs: readonly ProcessRef[], of: string): Promise<void> {
  const gone = (): boolean => !refs.some(isAlive);
  await waitFor(gone, { what: `the killed processes of ${of} to end`, timeoutMs: 5_000, intervalMs: 2 });
}
