/**
 * A server that is stopped for a while, and what a load that does not wait for it must find, on paper.
 *
 * The server answers each request `serviceMs` after it has read it. Requests arrive every 1/rate. It is stopped by
 * SIGSTOP for [from, to) on the load's clock. A request that arrives at t:
 * - before the stop, and its answer is due before it: takes serviceMs;
 * - before the stop, and its answer is due during it: is answered at `to`, so it takes to - t;
 * - during the stop: is read at `to` and answered serviceMs later, so it takes to + serviceMs - t;
 * - after: takes serviceMs.
 * @module
 */

import { dlopen } from "bun:ffi";
import { readdirSync } from "node:fs";

export interface Stall {
  rate: number;
  durationMs: number;
  serviceMs: number;
  fromMs: number;
  toMs: number;
}

/** The latency of every request in milliseconds, sorted. */
export function latenciesOnPaper({ rate, durationMs, serviceMs, fromMs, toMs }: Stall): number[] {
  const latencies: number[] = [];
  for (let t = 0; t < durationMs; t += 1_000 / rate) {
    const due = t + serviceMs;
    if (t >= fromMs && t < toMs) latencies.push(toMs - t + serviceMs);
    else if (t < fromMs && due >= fromMs) latencies.push(Math.max(due, toMs) - t);
    else latencies.push(serviceMs);
  }
  return latencies.sort((a, b) => a - b);
}

export const quantileOf = (sorted: readonly number[], q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length - 1e-9) - 1)] ?? Number.NaN;

/** A server as a process of its own, that can be stopped. */
export interface StallServer {
  port: number;
  pid: number;
  /** SIGSTOP for `ms`; returns when it really was stopped, as instants of performance.now(). */
  stopFor(ms: number): Promise<{ from: number; to: number }>;
  end(): Promise<void>;
}

export async function startStallServer(serviceMs: number): Promise<StallServer> {
  const child = Bun.spawn([process.execPath, import.meta.path, String(serviceMs)], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value).trim());
  return {
    port,
    pid: child.pid,
    async stopFor(ms) {
      const from = performance.now();
      child.kill("SIGSTOP");
      // The last stretch by spinning: a timer may be late by a millisecond and more.
      await Bun.sleep(ms - 20);
      while (performance.now() < from + ms);
      child.kill("SIGCONT");
      return { from, to: performance.now() };
    },
    async end() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/**
 * Lets the kernel take up to `length` connections for this process while it is stopped. Bun listens with 512 and has no
 * option for it; beyond that the kernel drops SYNs, whose senders try again after a second. To listen again on a
 * listening socket sets its backlog; on any other descriptor it fails without harm.
 */
function raiseBacklog(length: number): void {
  const { symbols } = dlopen("libc.so.6", { listen: { args: ["i32", "i32"], returns: "i32" } });
  for (const fd of readdirSync("/proc/self/fd")) symbols.listen(Number(fd), length);
}

if (import.meta.main) {
  const serviceMs = Number(process.argv[2]);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch() {
      await Bun.sleep(serviceMs);
      return new Response("ok");
    },
  });
  raiseBacklog(4_096);
  console.log(server.port);
}
