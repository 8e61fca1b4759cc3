/**
 * How often the kernel kept this process's cgroup off the processor for being over its quota.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Totals since the group was made. */
export interface Throttling {
  /** Enforcement periods in which the group ran, and those in which it was stopped for their rest. */
  periods: number;
  throttledPeriods: number;
  throttledSeconds: number;
}

/**
 * Path of the group's cpu.stat, from the texts of /proc/self/cgroup and /proc/self/mountinfo (cgroups(7), proc(5)); v1
 * before v2, as a host that has both has the cpu controller in v1. Null without such a group.
 */
export function findCpuStat(cgroup: string, mountinfo: string): string | null {
  const groups = cgroup.split("\n").map((line) => /^\d+:([^:]*):(.+)$/.exec(line));
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", point = ""] = before.split(" ");
    const [type = "", , options = ""] = after.split(" ");
    return type.startsWith("cgroup") ? [{ root, point, type, options: options.split(",") }] : [];
  });
  const v1 = {
    path: groups.find((group) => group?.[1]?.split(",").includes("cpu"))?.[2],
    mount: mounts.find(({ type, options }) => type === "cgroup" && options.includes("cpu")),
  };
  const v2 = {
    path: groups.find((group) => group?.[1] === "")?.[2],
    mount: mounts.find(({ type }) => type === "cgroup2"),
  };
  const { path, mount } = v1.path && v1.mount ? v1 : v2;
  if (path === undefined || mount === undefined) return null;
  // Where only a part of the hierarchy is mounted, paths go on from that part.
  const below = mount.root !== "/" && path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
  return join(mount.point, below, "cpu.stat");
}

/** The text of cpu.stat; null when it has no account of throttling, as the root group's has none. */
export function parseThrottling(text: string): Throttling | null {
  const values = new Map(
    text.split("\n").map((line): [string, number] => {
      const [key = "", value = ""] = line.split(" ");
      return [key, Number(value)];
    }),
  );
  const periods = values.get("nr_periods");
  const throttledPeriods = values.get("nr_throttled");
  // v1 counts nanoseconds, v2 microseconds.
  const [ns, us] = [values.get("throttled_time"), values.get("throttled_usec")];
  const throttledSeconds = ns === undefined ? (us ?? Number.NaN) / 1e6 : ns / 1e9;
  if (periods === undefined || throttledPeriods === undefined || Number.isNaN(throttledSeconds)) return null;
  return { periods, throttledPeriods, throttledSeconds };
}

/** Of this process now; null where the kernel keeps no account. */
export function throttling(): Throttling | null {
  try {
    const path = findCpuStat(
      readFileSync("/proc/self/cgroup", "utf8"),
      readFileSync("/proc/self/mountinfo", "utf8"),
    );
    return path === null ? null : parseThrottling(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
