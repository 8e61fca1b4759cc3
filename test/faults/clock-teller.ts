/**
 * Tells the time until it is killed.
 *   clock-teller.ts          a line of JSON every 20 ms, see Told
 *   clock-teller.ts spin     asks for the time as fast as it can on two threads; a line every 100 ms
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

export const TIMER_MS = 20;
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
