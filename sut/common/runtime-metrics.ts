/**
 * What the runtime itself shows: event-loop lag, garbage collections, time spent waiting for a CPU, heap and memory.
 * @module
 */
import { readFileSync } from "node:fs";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type Throttling, throttling } from "./cgroup-metrics.ts";
import { logsGc, watchGc } from "./gc-log.ts";

/** How often the lag is sampled, in milliseconds: 50 samples a second show a stall in any scrape interval. */
const SAMPLE_MS = 20;

const LAG_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * A histogram of lag rather than a summary: reading it changes nothing, so several scrapers can share it.
 */
function watchEventLoop(registry: Registry): void {
  const lag = new Histogram({
    name: "chaoslab_event_loop_lag_seconds",
    help: `How late a timer of ${SAMPLE_MS} ms fired.`,
    buckets: LAG_SECONDS,
    registers: [registry],
  });
  let dueMs = performance.now() + SAMPLE_MS;
  const sample = () => {
    const now = performance.now();
    lag.observe(Math.max(0, now - dueMs) / 1_000);
    dueMs = now + SAMPLE_MS;
    setTimeout(sample, SAMPLE_MS).unref();
  };
  setTimeout(sample, SAMPLE_MS).unref();
}

/**
 * Nanoseconds the main thread was runnable but had no CPU: the second field of schedstat
 * (kernel Documentation/scheduler/sched-stats.rst). Null where the kernel does not keep it.
 */
function runQueueNs(): number | null {
  try {
    const waited = Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]);
    return Number.isFinite(waited) ? waited : null;
  } catch {
    return null;
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A counter whose total somebody else keeps. */
function total(registry: Registry, name: string, help: string, read: () => number): void {
  let last = 0;
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      const now = read();
      this.inc(Math.max(0, now - last));
      last = now;
    },
  });
}

function watchThrottling(registry: Registry): void {
  if (throttling() === null) return;
  const of = (field: keyof Throttling) => () => throttling()?.[field] ?? 0;
  const periods = "Periods of the CPU quota";
  total(registry, "chaoslab_cpu_periods_total", `${periods} in which this node ran.`, of("periods"));
  const stopped = `${periods} in which this node was stopped for having used it up.`;
  total(registry, "chaoslab_cpu_throttled_periods_total", stopped, of("throttledPeriods"));
  const help = "Time for which this node was kept off the CPUs by its quota.";
  total(registry, "chaoslab_cpu_throttled_seconds_total", help, of("throttledSeconds"));
}

export function watchRuntime(registry: Registry): void {
  watchEventLoop(registry);
  gauge(registry, "chaoslab_heap_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  gauge(registry, "chaoslab_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  total(registry, "chaoslab_cpu_seconds_total", "CPU time, user and system, of all threads.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  if (logsGc()) watchGc(registry);
  watchThrottling(registry);
  if (runQueueNs() === null) return;
  const help = "Time the main thread was ready to run and had no CPU.";
  total(registry, "chaoslab_run_queue_seconds_total", help, () => (runQueueNs() ?? 0) / 1e9);
}
