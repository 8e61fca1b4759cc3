/**
 * What the host knows of a lab's nodes: whether they run, what their cgroups used, room on their volumes.
 * @module
 */
import { readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { parseCounters } from "../../faults/node/cgroup.ts";
import { cgroupDirs, cgroupLayout, cgroupProcesses } from "../../lab/host/cgroup.ts";
import type { HostLab } from "../../lab/host/lab.ts";
import type { NodeName } from "../../lab/host/topology.ts";
import { fieldsFromState, TICKS_PER_SECOND } from "../../lab/process.ts";
import { inTime, type Samples, type Source } from "./samples.ts";

export class LabSource implements Source {
  constructor(readonly lab: HostLab) {}

  async collect(samples: Samples): Promise<void> {
    const { lab } = this;
    const layout = cgroupLayout();
    for (const node of lab.topology.nodes) {
      const usage = usageOf(layout.version, cgroupDirs(layout, lab.name, node), read);
      const cpuSeconds = usage.cpuSeconds ?? cpuOf(cgroupProcesses(layout, lab.name, node), read);
      showUsage(samples, node, { ...usage, cpuSeconds });
    }
    showVolume(samples, "pg-primary", lab.paths.volume("pg-primary"));
    for (const { name: node, state, restarts } of (await inTime(lab.nodes())) ?? []) {
      samples.gauge("chaoslab_node_ready", "1 while the node answers.", { node }, state === "ready" ? 1 : 0);
      samples.counter("chaoslab_node_restarts_total", "Starts after the first.", { node }, restarts);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Of a node's processes together; null: the kernel does not say. */
export interface Usage {
  cpuSeconds: number | null;
  throttledSeconds: number | null;
  memoryBytes: number | null;
}

/** @param read the text of a control file; null when it is not there. */
export function usageOf(
  version: 1 | 2,
  dirs: readonly string[],
  read: (path: string) => string | null,
): Usage {
  const first = (file: string): string | null =>
    dirs.reduce<string | null>((found, dir) => found ?? read(join(dir, file)), null);
  const field = (file: string, key: string): number | null => parseCounters(first(file) ?? "")[key] ?? null;
  const whole = (file: string): number | null => {
    const text = first(file);
    return text === null ? null : Number(text);
  };
  const scaled = (value: number | null, perSecond: number): number | null =>
    value === null ? null : value / perSecond;
  return version === 1
    ? {
        cpuSeconds: scaled(whole("cpuacct.usage"), 1e9),
        throttledSeconds: scaled(field("cpu.stat", "throttled_time"), 1e9),
        memoryBytes: whole("memory.usage_in_bytes"),
      }
    : {
        cpuSeconds: scaled(field("cpu.stat", "usage_usec"), 1e6),
        throttledSeconds: scaled(field("cpu.stat", "throttled_usec"), 1e6),
        memoryBytes: whole("memory.current"),
      };
}

/**
 * CPU time of processes and of the children that they have waited for, in seconds: fields 14 to 17 of /proc/PID/stat
 * (proc(5)). On v1 the controller that counts it is one of its own, which a lab makes no groups in.
 */
export function cpuOf(pids: readonly number[], read: (path: string) => string | null): number {
  return pids.reduce((sum, pid) => {
    const times = fieldsFromState(read(`/proc/${pid}/stat`) ?? "").slice(11, 15);
    return sum + times.reduce((ticks, time) => ticks + (Number(time) || 0), 0) / TICKS_PER_SECOND;
  }, 0);
}

function showUsage(samples: Samples, node: NodeName, usage: Usage): void {
  const name = (suffix: string): string => `chaoslab_node_${suffix}`;
  const throttled = "Time for which the node was kept off the CPUs by its quota.";
  samples.counter(name("cpu_seconds_total"), "CPU time of all its processes.", { node }, usage.cpuSeconds);
  samples.counter(name("cpu_throttled_seconds_total"), throttled, { node }, usage.throttledSeconds);
  samples.gauge(
    name("memory_bytes"),
    "Memory charged to it, page cache included.",
    { node },
    usage.memoryBytes,
  );
}

function showVolume(samples: Samples, node: NodeName, path: string): void {
  try {
    const { bsize, blocks, bavail } = statfsSync(path);
    samples.gauge("chaoslab_node_volume_size_bytes", "Size of its volume.", { node }, blocks * bsize);
    samples.gauge("chaoslab_node_volume_free_bytes", "Room left on its volume.", { node }, bavail * bsize);
  } catch {
    // No volume: no sample.
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
