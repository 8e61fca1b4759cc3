/** Processes of this host that are nodes, and those that must never be. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import { cgroupOfProcess, netnsOf, sharesOurNetwork } from "../docker/place.ts";
import { exec } from "../exec.ts";
import { cgroupLayout } from "../host/cgroup.ts";
import { inNamespace } from "../netns.ts";
import { ageMs, type ProcessRef, processRef } from "../process.ts";
import type { Target } from "../target.ts";
import { isKernelThread, ourLine } from "./ancestry.ts";

type Group = NonNullable<Target["cgroup"]>;

/**
 * The process that has this id, if it may be a node.
 * @throws {ChaoslabError} `notFound` when there is none, `badConfig` for one that everything rests on.
 */
export function disturbable(pid: number, node: string): ProcessRef {
  if (pid === 1) throw new ChaoslabError("badConfig", `${node}: process 1 is what this host rests on`);
  if (isKernelThread(pid))
    throw new ChaoslabError("badConfig", `${node}: process ${pid} is a thread of the kernel`);
  const ref = processRef(pid);
  if (ref) return ref;
  throw new ChaoslabError("notFound", `${node}: no process ${pid} on this host: it has ended`);
}

/** Clocks of files and of processes are not the same to the millisecond. */
const SLACK_MS = 1_000;

/**
 * Ids of processes are used again. One that began after it was written down is not the one that was meant.
 * @param writtenMs Unix epoch milliseconds.
 * @throws {ChaoslabError} `badConfig`.
 */
export function requireOlderThan(ref: ProcessRef, writtenMs: number, node: string, file: string): void {
  if (Date.now() - ageMs(ref) <= writtenMs + SLACK_MS) return;
  throw new ChaoslabError(
    "badConfig",
    `${node}: process ${ref.pid} began after ${file} was written: it may be another one`,
    "write its pid anew",
  );
}

/** The group of a node: that of its unit, where that has one to itself, else the process and what it has started. */
export async function groupOf(ref: ProcessRef, unit: string | null): Promise<Group> {
  const group = unit === null ? null : await cgroupOfProcess(ref.pid).catch(() => null);
  const own = group && ownDirs(group.dirs, unit ?? "");
  return group && own && own.length > 0
    ? { version: group.version, dirs: own }
    : { version: versionHere(), dirs: [], tree: ref };
}

/** Groups that are the unit's alone: systemd names them after it. Others, a slice's, hold other units too. */
export const ownDirs = (dirs: readonly string[], unit: string): string[] =>
  dirs.filter((dir) => dir.endsWith(`/${unit}`));

function versionHere(): 1 | 2 {
  try {
    return cgroupLayout().version;
  } catch {
    return 2; // Nothing of a group is used.
  }
}

/**
 * Refuses a node that this process is part of: a fault of it would hold or end whoever has to revert the fault.
 * @throws {ChaoslabError} `badConfig`.
 */
export async function requireNotOurs({ cgroup, name }: Pick<Target, "cgroup" | "name">): Promise<void> {
  if (!cgroup) return;
  const inTree = cgroup.tree !== undefined && ourLine().includes(cgroup.tree.pid);
  const ours = cgroup.dirs.length === 0 ? [] : ((await ourDirs()) ?? []);
  const inGroup = cgroup.dirs.some((dir) => ours.some((own) => isWithin(own, dir)));
  if (!inTree && !inGroup) return;
  throw new ChaoslabError(
    "badConfig",
    `${name}: chaoslab itself runs in it, and would disturb itself`,
    "run chaoslab from elsewhere, e.g. another login or unit",
  );
}

const ourDirs = (): Promise<readonly string[] | null> =>
  cgroupOfProcess(process.pid).then(
    ({ dirs }) => dirs,
    () => null, // In the root group, which is no node's.
  );

export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

/** Its place in the network; null where that is the host's own. */
export async function networkOf(
  pid: number,
): Promise<{ netns: string; device: string; address: string } | null> {
  if (sharesOurNetwork(pid)) return null;
  const netns = netnsOf(pid);
  const argv = ["ip", "-j", "-4", "addr", "show", "scope", "global", "up"];
  const links = JSON.parse((await exec(inNamespace(netns, argv))).stdout || "[]") as {
    ifname?: string;
    addr_info?: { local?: string }[];
  }[];
  for (const { ifname, addr_info = [] } of links) {
    const address = addr_info[0]?.local;
    if (ifname !== undefined && address !== undefined) return { netns, device: ifname, address };
  }
  return null;
}
