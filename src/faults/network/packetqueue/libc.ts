/**
 * The few system calls that Bun has no API for, through the C library. Numbers are those of Linux on x86-64
 * and arm64.
 * @module
 */
import { FFIType } from "bun:ffi";
import { openLibc } from "../../../lab/libc.ts";

const { i32, u32, i64, u64, ptr } = FFIType;

const SYMBOLS = {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, ptr, i32], returns: i32 },
  setsockopt: { args: [i32, i32, i32, ptr, i32], returns: i32 },
  recv: { args: [i32, ptr, u64, i32], returns: i64 },
  send: { args: [i32, ptr, u64, i32], returns: i64 },
  sendto: { args: [i32, ptr, u64, i32, ptr, u32], returns: i64 },
  read: { args: [i32, ptr, u64], returns: i64 },
  ppoll: { args: [ptr, u64, ptr, ptr], returns: i32 },
  sched_setscheduler: { args: [i32, i32, ptr], returns: i32 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
} as const;

export const libc = openLibc(SYMBOLS);

export const AF_INET = 2;
export const AF_NETLINK = 16;
export const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
export const NETLINK_NETFILTER = 12;
export const IPPROTO_RAW = 255;
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_RCVBUFFORCE = 33;
export const MSG_DONTWAIT = 0x40;

/** errno values. */
export const EPERM = 1;
export const EINTR = 4;
export const EBUSY = 16;
export const ENOBUFS = 105;

export const POLLIN = 1;

/**
 * Runs the calling thread ahead of ordinary ones, as the kernel's own netem would run, so that a busy machine does
 * not add to the delay: with two busy loops per core, 50 ms lasted 51.5 ms at most instead of 60.8 ms. SCHED_RR with
 * SCHED_RESET_ON_FORK (sched(7)): helper threads stay ordinary.
 * Where that is not allowed, asks at least for timers without slack (PR_SET_TIMERSLACK, default 50 us).
 */
export function runPromptly(): void {
  const SCHED_RR_RESET_ON_FORK = 2 | 0x40000000;
  const PR_SET_TIMERSLACK = 29;
  libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  libc.sched_setscheduler(0, SCHED_RR_RESET_ON_FORK, new Int32Array([1]));
}
