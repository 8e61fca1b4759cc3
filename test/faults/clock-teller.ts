/**
 * Tells the time until it is killed.
 *   clock-teller.ts          a line of JSON every 20 ms, see Told
 *   clock-teller.ts spin     asks for the time as fast as it can on two threads; a line every 100 ms
 *   clock-teller.ts wait     a line of nothing every 20 ms; from SIGUSR2 on waits for nothing, on its only thread, and a
 *                            line of JSON after each wait, see Waited
 * @module
 */
import { dlopen, FFIType } from "bun:ffi";
import { isMainThread, Worker } from "node:worker_threads";

/** Times in milliseconds. */
export interface Told {
  /** Date.now(): CLOCK_REALTIME. */
  date: number;
  /** The same as text. */
  iso: string;
  /** CLOCK_MONOTONIC as libc has it, whose zero all processes of a host share. */
  monotonic: number;
  /** performance.now(). */
  performance: number;
  /** How long the last setTimeout of 20 ms took by performance.now(). */
  timer: number;
}

/** What a wait of WAIT_MS took, in milliseconds: by the monotonic clock, and of processor time. */
export interface Waited {
  took: number;
  processor: number;
}

export const TIMER_MS = 20;
export const WAIT_MS = 100;
const CLOCK_MONOTONIC = 1;
const libc = dlopen("libc.so.6", {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
}).symbols;
const timespec = new BigInt64Array(2);

export function monotonicMs(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, timespec);
  return Number(timespec[0]) * 1_000 + Number(timespec[1]) / 1e6;
}

if (import.meta.main || !isMainThread) {
  if (process.argv[2] === "spin") spin();
  else if (process.argv[2] === "wait") waitAgainAndAgain();
  else await tell();
}

async function tell(): Promise<void> {
  let timer = TIMER_MS;
  for (;;) {
    const told: Told = {
      date: Date.now(),
      iso: new Date().toISOString(),
      monotonic: monotonicMs(),
      performance: performance.now(),
      timer,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
    const before = performance.now();
    await new Promise((resolve) => setTimeout(resolve, TIMER_MS));
    timer = performance.now() - before;
  }
}

function spin(): void {
  if (isMainThread) new Worker(new URL(import.meta.url), { argv: ["spin"] });
  let last = 0;
  const burst = (): void => {
    const end = performance.now() + 10;
    while (performance.now() < end) {
      for (let i = 0; i < 1_000; i++) last += Date.now() & 1;
    }
    setImmediate(burst);
  };
  burst();
  if (isMainThread) setInterval(() => process.stdout.write(`${last}\n`), 100);
}

/** Atomics.wait is one of the engine's waits until an instant of the wall clock. */
function waitAgainAndAgain(): void {
  const idle = setInterval(() => process.stdout.write("\n"), TIMER_MS);
  process.on("SIGUSR2", () => {
    clearInterval(idle);
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      const [began, used] = [performance.now(), process.cpuUsage()];
      Atomics.wait(cell, 0, 0, WAIT_MS);
      const { user, system } = process.cpuUsage(used);
      const waited: Waited = { took: performance.now() - began, processor: (user + system) / 1_000 };
      process.stdout.write(`${JSON.stringify(waited)}\n`);
    }
  });
}
