/** Which process listens on a TCP port of this host. @module */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import { parentOf } from "../process.ts";

/** The first process of a host. It may hold the sockets of services that it starts when they are first asked. */
const INIT = 1;

/**
 * The process that listens on a TCP port of this network namespace. Where a parent has handed the socket to its children,
 * the parent.
 * @throws {ChaoslabError} `notFound` when nobody does, `badConfig` when the port does not tell which process is meant.
 */
export function listenerOn(port: number, node: string): number {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) =>
    existsSync(path) ? listeningInodes(readFileSync(path, "utf8"), port) : [],
  );
  const all = inodes.length === 0 ? [] : holdersOf(new Set(inodes));
  const holders = all.filter((pid) => pid !== INIT);
  const first = holders.filter((pid) => !holders.includes(parentOf(pid) ?? 0));
  const [pid] = first;
  if (pid === undefined && all.length > 0) {
    throw new ChaoslabError(
      "badConfig",
      `${node}: port ${port} is held by the host's first process for a service that has not begun`,
      "name its unit by systemd",
    );
  }
  if (pid === undefined) throw new ChaoslabError("notFound", `${node}: no process listens on port ${port}`);
  if (first.every((each) => nameOf(each) === "docker-proxy")) {
    throw new ChaoslabError(
      "badConfig",
      `${node}: port ${port} is published by a container`,
      "name it by container or compose",
    );
  }
  if (first.length > 1) {
    throw new ChaoslabError(
      "badConfig",
      `${node}: several processes listen on port ${port}: ${first.join(", ")}`,
      "name one by its pid",
    );
  }
  return pid;
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

/** Processes that have one of the sockets open. */
function holdersOf(inodes: ReadonlySet<number>): number[] {
  const isOne = (fd: string): boolean => {
    try {
      return inodes.has(Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(fd))?.[1]));
    } catch {
      return false; // Closed in between.
    }
  };
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => isOne(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // It ended in between, or is not ours to look at.
    }
  });
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
