/**
 * Holds all threads of a process still while its code is changed, with ptrace(2). Unlike SIGSTOP, ptrace tells the
 * parent nothing, keeps a process stopped that was, and lets go by itself when the tracer is killed.
 *
 * Everything here is synchronous: ptrace belongs to one thread, and a stop lasts well under a millisecond.
 * @module
 */
import { FFIType } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import { ChaoslabError, codeOf } from "../../cli/errors.ts";
import { errno, openLibc } from "../../lab/libc.ts";
import { isAlive, type ProcessRef } from "../../lab/process.ts";

const PTRACE_DETACH = 17;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
const WNOHANG = 1;
const WALL = 0x40000000;
const ESRCH = 3;
const EINTR = 4;
/** Longest to wait for a thread to stop; one that sleeps uninterruptibly does not. */
const STOP_TIMEOUT_MS = 5_000;

const { i32, i64, ptr } = FFIType;
/** ptrace(2) and waitpid(2): the only calls here that Bun has no API for. */
const open = () =>
  openLibc({
    ptrace: { args: [i64, i64, i64, i64], returns: i64 },
    waitpid: { args: [i32, ptr, i32], returns: i32 },
  });
let loaded: ReturnType<typeof open> | null = null;

function libc(): ReturnType<typeof open> {
  loaded ??= open();
  return loaded;
}

/** A stopped thread. */
export interface ThreadState {
  /** Address of the next instruction. */
  instruction: number;
  /** Address of the top of the stack. */
  stack: number;
}

/** The last two fields of /proc/PID/task/TID/syscall: stack pointer and program counter (proc(5)). */
export function parseThreadState(text: string): ThreadState | null {
  const [stack, instruction] = text.trim().split(" ").slice(-2).map(Number);
  if (stack === undefined || instruction === undefined || Number.isNaN(stack + instruction)) return null;
  return { stack, instruction };
}

/**
 * Does `work` while no thread of the process runs; null when the process is gone.
 * `frozen`: its cgroup is frozen (v1), so that it does not run and would not stop for ptrace either.
 *
 * @throws {ChaoslabError} `busy` when another debugger has the process, or a thread does not stop.
 */
export function whileStopped<T>(
  process: ProcessRef,
  frozen: boolean,
  work: (threads: ThreadState[]) => T,
): T | null {
  const held = new Map<number, number>();
  const seized = new Set<number>();
  try {
    if (!frozen && !holdAll(process.pid, seized, held)) return null;
    if (!isAlive(process)) return null;
    return work(tasks(process.pid).flatMap((tid) => stateOf(process.pid, tid)));
  } finally {
    for (const [tid, signal] of held) libc().ptrace(PTRACE_DETACH, tid, 0, signal);
    for (const tid of seized) letGoLater(tid);
  }
}

/**
 * Stops every thread, those included that start meanwhile; they move from `seized` to `held`, with the signal to
 * deliver. False when the process is gone.
 */
function holdAll(pid: number, seized: Set<number>, held: Map<number, number>): boolean {
  const seen = new Set<number>();
  for (;;) {
    const fresh = tasks(pid).filter((tid) => !seen.has(tid) && !isEnded(pid, tid));
    if (fresh.length === 0) return held.size > 0;
    for (const tid of fresh) {
      seen.add(tid);
      if (seize(pid, tid)) seized.add(tid);
    }
    for (const tid of seized) libc().ptrace(PTRACE_INTERRUPT, tid, 0, 0);
    for (const tid of seized) {
      const signal = awaitStop(pid, tid);
      seized.delete(tid);
      if (signal !== null) held.set(tid, signal);
    }
  }
}

/** False when the thread has just ended. */
function seize(pid: number, tid: number): boolean {
  if (libc().ptrace(PTRACE_SEIZE, tid, 0, 0) === 0n) return true;
  const code = errno();
  if (code === ESRCH || isEnded(pid, tid)) return false;
  throw new ChaoslabError("busy", `process ${pid}: ptrace refuses (errno ${code}): is a debugger attached?`);
}

/** The signal to deliver when it goes on, 0 for none; null when the thread ended instead of stopping. */
function awaitStop(pid: number, tid: number): number | null {
  const status = new Int32Array(1);
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  for (;;) {
    const got = libc().waitpid(tid, status, WALL | WNOHANG);
    if (got === tid) {
      const word = status[0] ?? 0;
      if ((word & 0xff) !== 0x7f) return null;
      // Without an event in the upper half, it is about to receive a signal, which must not be lost.
      return word >>> 16 === 0 ? (word >>> 8) & 0xff : 0;
    }
    if (got < 0 && errno() !== EINTR) return null;
    if (performance.now() > deadline) {
      throw new ChaoslabError("busy", `process ${pid}: thread ${tid} does not stop`);
    }
  }
}

/** A traced thread that did not stop in time stops as soon as it can, and nobody else would let it go on. */
function letGoLater(tid: number): void {
  libc().ptrace(PTRACE_INTERRUPT, tid, 0, 0);
  const timer = setInterval(() => {
    const status = new Int32Array(1);
    const got = libc().waitpid(tid, status, WALL | WNOHANG);
    if (got === 0) return;
    const word = status[0] ?? 0;
    libc().ptrace(PTRACE_DETACH, tid, 0, word >>> 16 === 0 ? (word >>> 8) & 0xff : 0);
    clearInterval(timer);
  }, 20);
  // When this process ends the kernel lets go by itself.
  timer.unref();
}

function tasks(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return [];
    throw error;
  }
}

function taskFile(pid: number, tid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${tid}/${name}`, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return "";
    throw error;
  }
}

function stateOf(pid: number, tid: number): ThreadState[] {
  const state = parseThreadState(taskFile(pid, tid, "syscall"));
  return state ? [state] : [];
}

function isEnded(pid: number, tid: number): boolean {
  const stat = taskFile(pid, tid, "stat");
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state === "" || state === "Z" || state === "X";
}
