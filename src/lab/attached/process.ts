/** Processes of this host that are nodes: by id, by the port they listen on, or by their unit. @module */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import { cgroupOfProcess, netnsOf, sharesOurNetwork } from "../docker/place.ts";
import { exec } from "../exec.ts";
import { cgroupLayout } from "../host/cgroup.ts";
import { processRef } from "../process.ts";
import type { Target } from "../target.ts";

/** The first process of a node, and how it is known to be the node's. */
export interface NodeProcess {
  pid: number;
  /** Name of its unit; null: it has none, and its group may be others' too. */
  unit: string | null;
  /** A supervisor starts it again. */
  restarts: boolean;
}

/** The process that listens on a TCP port of this network namespace. @throws {ChaoslabError} `notFound`, `busy`. */
export function listenerOn(port: number): number {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) =>
    existsSync(path) ? listeningInodes(readFileSync(path, "utf8"), port) : [],
  );
  const holders = inodes.length === 0 ? [] : holdersOf(new Set(inodes));
  // Several have it open where a parent has handed it to its children: the first of them is the parent.
  const parents = holders.filter((pid) => !holders.includes(parentOf(pid)));
  const [pid] = parents;
  if (pid === undefined) throw new ChaoslabError("notFound", `no process listens on port ${port}`);
  if (parents.length === 1) return pid;
  throw new ChaoslabError(
    "busy",
    `several processes listen on port ${port}: ${parents.join(", ")}`,
    "name one by its pid",
  );
}

const LISTEN = "0A";

/** Inodes of sockets that listen on the port, in the text of /proc/net/tcp (proc(5)). */
export function listeningInodes(text: string, port: number): number[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && local?.split(":")[1] === wanted)
    .map((fields) => Number(fields[9]));
}

function holdersOf(inodes: ReadonlySet<number>): number[] {
  const isOne = (fd: string): boolean => {
    try {
      return inodes.has(Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(fd))?.[1]));
    } catch {
      return false; // Closed in between.
    }
  };
  return pids().filter((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => isOne(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // It ended in between, or is not ours to look at.
    }
  });
}

const pids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** The main process of a unit. @throws {ChaoslabError} `notFound`, `busy`. */
export async function mainOfUnit(unit: string): Promise<NodeProcess> {
  const { stdout } = await exec(["systemctl", "show", "--property=LoadState,MainPID,Restart", "--", unit]);
  const field = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (field("LoadState") !== "loaded") throw new ChaoslabError("notFound", `no unit ${unit} on this host`);
  const pid = Number(field("MainPID"));
  if (pid === 0) throw new ChaoslabError("busy", `${unit}: it is not running`, `systemctl start ${unit}`);
  return { pid, unit, restarts: !["", "no"].includes(field("Restart")) };
}

/**
 * The group of a node: that of its unit, where it has one to itself, else the process and what it has started.
 * @throws {ChaoslabError} `notFound` when there is no such process.
 */
export async function groupOf({ pid, unit }: NodeProcess): Promise<NonNullable<Target["cgroup"]>> {
  const ref = processRef(pid);
  if (!ref) throw new ChaoslabError("notFound", `no process ${pid} on this host`);
  if (unit !== null) {
    const { version, dirs } = await cgroupOfProcess(pid).catch(() => ({ version: 2 as const, dirs: [] }));
    const own = dirs.filter((dir) => dir.endsWith(`/${unit}`));
    if (own.length > 0) return { version, dirs: own };
  }
  return { version: cgroupLayout().version, dirs: [], tree: ref };
}

/** Its network; null when that is the host's own. */
export const networkOf = (pid: number): string | null => (sharesOurNetwork(pid) ? null : netnsOf(pid));
