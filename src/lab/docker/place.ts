/**
 * Where a process of this host has its place: its cgroup and its network, as the kernel tells.
 * @module
 */
import { readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError } from "../../cli/errors.ts";
import { exec } from "../exec.ts";
import { cgroupLayout } from "../host/cgroup.ts";
import { inNamespace } from "../netns.ts";
import type { Target } from "../target.ts";

/** Controllers that faults write to, on v1. */
const V1_CONTROLLERS: readonly string[] = ["cpu", "memory", "freezer"];

/** Path of a process's network namespace. It is gone when the process is. */
export const netnsOf = (pid: number): string => `/proc/${pid}/ns/net`;

/** Inode of the namespace of a process, by which it is told from that of another process with its id. */
export const netnsIdOf = (pid: number): number => statSync(netnsOf(pid)).ino;

/** Whether the process has the host's network, or this process's own: neither is to be disturbed. */
export function sharesOurNetwork(pid: number): boolean {
  const network = readlinkSync(netnsOf(pid));
  return [process.pid, 1].some((other) => {
    try {
      return readlinkSync(netnsOf(other)) === network;
    } catch {
      return false; // The first process is not ours to look at.
    }
  });
}

/** The group that a process is in: one folder per hierarchy. */
export async function cgroupOfProcess(pid: number): Promise<NonNullable<Target["cgroup"]>> {
  const layout = cgroupLayout();
  const dirs = groupDirs(await groupsOf(pid), readFileSync("/proc/self/mounts", "utf8"), layout.version);
  if (dirs.length > 0) return { version: layout.version, dirs };
  throw new ChaoslabError("prerequisite", `process ${pid}: its cgroup is not to be seen from here`);
}

/** The text of /proc/PID/cgroup as the host sees it; a process in a cgroup namespace of its own sees it from there. */
async function groupsOf(pid: number): Promise<string> {
  const path = `/proc/${pid}/cgroup`;
  if (!isInCgroupNamespace()) return readFileSync(path, "utf8");
  return (await exec(["nsenter", "--target", "1", "--cgroup", "--", "cat", path])).stdout;
}

function isInCgroupNamespace(): boolean {
  try {
    return readlinkSync("/proc/self/ns/cgroup") !== readlinkSync("/proc/1/ns/cgroup");
  } catch {
    // The first process is not ours to look at: then this one is no controller in a container with `pid: host`.
    return false;
  }
}

/**
 * Folders of the groups in the text of /proc/PID/cgroup (cgroups(7): `hierarchy:controllers:path`), found in the text of
 * /proc/mounts. Root groups are left out: they are everybody's.
 */
export function groupDirs(groups: string, mounts: string, version: 1 | 2): string[] {
  const lines = groups.split("\n").map((line) => /^(\d+):([^:]*):(.*)$/.exec(line));
  const found = new Set<string>();
  for (const mount of mounts.split("\n")) {
    const [, root = "", type, options = ""] = mount.split(" ");
    if (type !== (version === 2 ? "cgroup2" : "cgroup")) continue;
    for (const line of lines) {
      const [, , controllers = "", path = ""] = line ?? [];
      if (!line || path === "/") continue;
      const isHere =
        version === 2
          ? controllers === ""
          : controllers
              .split(",")
              .some((each) => V1_CONTROLLERS.includes(each) && options.split(",").includes(each));
      if (isHere) found.add(join(root, path));
    }
  }
  return [...found];
}

/** Name of the device in a namespace that has the address. @throws {ChaoslabError} `notFound`. */
export async function deviceOf(netns: string, address: string, node: string): Promise<string> {
  const { stdout } = await exec(inNamespace(netns, ["ip", "-j", "-4", "addr", "show"]));
  const links = JSON.parse(stdout) as { ifname: string; addr_info: { local?: string }[] }[];
  const link = links.find(({ addr_info }) => addr_info.some(({ local }) => local === address));
  if (link) return link.ifname;
  throw new ChaoslabError("notFound", `${node}: no device of it has the address ${address}`);
}
