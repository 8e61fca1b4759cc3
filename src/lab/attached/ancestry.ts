/** Who started whom. @module */
import { readFileSync } from "node:fs";
import { fieldsFromState } from "../process.ts";

/** 0 when the process is gone, or the first one. */
export function parentOf(pid: number): number {
  return statFieldsOf(pid)?.parent ?? 0;
}

/** This process, its parent, and so on up to the first one. */
export function ourLine(): number[] {
  const line = [process.pid];
  for (let pid = parentOf(process.pid); pid > 0; pid = parentOf(pid)) line.push(pid);
  return line;
}

/** PF_KTHREAD of include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000;

export function isKernelThread(pid: number): boolean {
  return ((statFieldsOf(pid)?.flags ?? 0) & KERNEL_THREAD) !== 0;
}

/** Fields 4 and 9 of /proc/PID/stat (proc(5)). */
function statFieldsOf(pid: number): { parent: number; flags: number } | null {
  try {
    const fields = fieldsFromState(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return { parent: Number(fields[1]), flags: Number(fields[6]) };
  } catch {
    return null;
  }
}
