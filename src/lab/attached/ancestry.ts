/** Who started whom. @module */
import { readFileSync } from "node:fs";
import { fieldsFromState, parentOf } from "../process.ts";

/** This process, its parent, and so on up to the first one. */
export function ourLine(): number[] {
  const line = [process.pid];
  for (let pid = parentOf(process.pid); pid; pid = parentOf(pid)) line.push(pid);
  return line;
}

/** PF_KTHREAD of include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000;

/** By field 9 of /proc/PID/stat (proc(5)); false when it is gone. */
export function isKernelThread(pid: number): boolean {
  try {
    const flags = Number(fieldsFromState(readFileSync(`/proc/${pid}/stat`, "utf8"))[6]);
    return (flags & KERNEL_THREAD) !== 0;
  } catch {
    return false;
  }
}
