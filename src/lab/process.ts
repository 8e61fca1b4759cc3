/**
 * Processes named so that a recycled pid is never mistaken for the one that was meant.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessRef {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to the start of the process (proc(5)). */
  starttime: number;
}

/** The process that has this pid now, or null when there is none. A zombie counts as gone. */
export function processRef(pid: number): ProcessRef | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  const fields = fieldsFromState(stat);
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return { pid, starttime: Number(fields[19]) };
}

export function isAlive(ref: ProcessRef): boolean {
  return processRef(ref.pid)?.starttime === ref.starttime;
}

/** The fields of /proc/PID/stat from the third on, the state: the second, a name, may hold spaces and brackets (proc(5)). */
export function fieldsFromState(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Ids of a process and of all that it has started, and those; none when it is gone. */
export function treePids(root: ProcessRef): number[] {
  if (!isAlive(root)) return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : null;
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [root.pid];
  // What is added is looked at in turn.
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** 0 for the first process; null when it is gone. */
export function parentOf(pid: number): number | null {
  try {
    return Number(fieldsFromState(readFileSync(`/proc/${pid}/stat`, "utf8"))[1]);
  } catch {
    return null; // It ended in between.
  }
}

/** Clock ticks per second in /proc: USER_HZ is 100 on every architecture that Linux runs Bun on. */
export const TICKS_PER_SECOND = 100;

/** How long the process has run, in milliseconds. */
export function ageMs({ starttime }: ProcessRef): number {
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ", 1)[0]);
  return uptime * 1_000 - (starttime / TICKS_PER_SECOND) * 1_000;
}

/** Sends a signal if the process is still the one meant; false when it is gone. */
export function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): boolean {
  if (!isAlive(ref)) return false;
  try {
    process.kill(ref.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** This process. */
export function self(): ProcessRef {
  return processRef(process.pid) ?? { pid: process.pid, starttime: 0 };
}

/** Random per boot: tells a record written before a reboot from one that may still be true. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
