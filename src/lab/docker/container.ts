/**
 * A container as something to disturb: the engine tells its process, address and volumes, the kernel its namespace and
 * cgroup. What a start has made ends with it, so each start is looked up anew.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { ChaoslabError } from "../../cli/errors.ts";
import type { NodeState, NodeStatus } from "../lab.ts";
import type { Target, Volume } from "../target.ts";
import { type Container, type Engine, nullIfGone } from "./engine.ts";
import { cgroupOfProcess, deviceOf, netnsIdOf, netnsOf } from "./place.ts";

/** What is known of a node beside what the engine tells. */
export interface NodeFacts {
  name: string;
  /** Mount point inside the container of the volume that `disk` fills; null: none. */
  volume: string | null;
  /** Base URL of its HTTP service; null: none. */
  url: string | null;
}

/** The container's target while this start of it lasts. @throws {ChaoslabError} `busy` when it does not run. */
export async function targetOf(engine: Engine, container: Container, facts: NodeFacts): Promise<Target> {
  const { name, volume, url } = facts;
  const { Pid: pid, Running: isRunning } = container.State;
  if (!isRunning || pid === 0) {
    throw new ChaoslabError("busy", `${name}: it is not running`, "wait until it is ready");
  }
  const netns = netnsOf(pid);
  if (!existsSync(netns)) {
    throw new ChaoslabError(
      "prerequisite",
      `${name}: its process ${pid} is not to be seen from here`,
      "the engine must run on this host; a controller in a container needs pid: host",
    );
  }
  const address = addressOf(container);
  const hasNetwork = address !== "" && container.HostConfig.NetworkMode !== "host";
  return {
    name,
    address,
    netns: hasNetwork ? netns : null,
    ...(hasNetwork && { netnsId: netnsIdOf(pid) }),
    device: hasNetwork ? await deviceOf(netns, address, name) : "",
    fabric: null,
    cgroup: ownGroup(await cgroupOfProcess(pid), container.Id, name),
    stopSignal: signalNamed(container.Config.StopSignal),
    volume: volume === null ? null : await volumeAt(engine, container, volume),
    url,
    supervisor: {
      by: "docker",
      socket: engine.socket,
      container: container.Id,
      restarts: restartsAfter(container),
    },
    links: null,
  };
}

/**
 * The container's own group, whichever below it the process is in: its folder bears the container's id with every engine.
 * @throws {ChaoslabError} `prerequisite` when there is none: the group is others' too.
 */
export function ownGroup<T extends { dirs: readonly string[] }>(group: T, id: string, node: string): T {
  const dirs = group.dirs.flatMap((dir) => {
    const parts = dir.split("/");
    const own = parts.findIndex((part) => part.includes(id));
    return own < 0 ? [] : [parts.slice(0, own + 1).join("/")];
  });
  if (dirs.length > 0) return { ...group, dirs };
  throw new ChaoslabError("prerequisite", `${node}: its container has no cgroup of its own here`);
}

/** Null where the container has no volume there that may be filled, or it is not to be seen from here. */
async function volumeAt(engine: Engine, container: Container, destination: string): Promise<Volume | null> {
  const path = await volumePath(engine, container.Id, destination).catch(() => null);
  const source = sourceOf(container, destination);
  if (path === null || source === null) return null;
  return { path, of: { socket: engine.socket, container: container.Id, destination, source } };
}

const sourceOf = ({ Mounts }: Container, destination: string): string | null =>
  Mounts.find((mount) => mount.Destination === destination)?.Source || null;

function restartsAfter({ HostConfig }: Container): "always" | "on-failure" | "never" {
  const { Name } = HostConfig.RestartPolicy;
  if (Name === "always" || Name === "unless-stopped") return "always";
  return Name === "on-failure" ? Name : "never";
}

/** As images write it: SIGQUIT, QUIT or 3. */
export function signalNamed(text: string | undefined): NodeJS.Signals {
  const known = Object.entries(constants.signals);
  const found = known.find(([name, number]) => [name, name.slice(3), `${number}`].includes(text ?? ""));
  return (found?.[0] ?? "SIGTERM") as NodeJS.Signals;
}

/** Its address on the first of its networks, by name; empty when it has none. */
export function addressOf({ NetworkSettings, Config }: Container): string {
  const wanted = Config.Labels["chaoslab.network"];
  const networks = Object.entries(NetworkSettings.Networks).toSorted(([a], [b]) => a.localeCompare(b));
  const chosen = networks.find(([name]) => wanted !== undefined && name.endsWith(wanted)) ?? networks[0];
  return chosen?.[1].IPAddress ?? "";
}

/** Whether a path, in the mount namespace of a process, is what is meant. */
type IsThere = (path: string, process: number | "self") => boolean;

/**
 * Path, as this process sees it, of the volume mounted at a place in the container: where the engine has mounted it, where
 * the container has it that this process is in, or by way of the container's own root.
 * @param isThere whether a path is what is meant. Default: a file system of its own is mounted there.
 * @returns null when the container is gone. Its volume may live on.
 * @throws {ChaoslabError} `badConfig` when nothing is mounted there, `busy` when it is not to be seen from here.
 */
export async function volumePath(
  engine: Engine,
  id: string,
  destination: string,
  isThere: IsThere = hasOwnFileSystem,
): Promise<string | null> {
  const container = await engine.inspect(id).catch(nullIfGone);
  if (!container) return null;
  const name = container.Name.slice(1);
  const source = sourceOf(container, destination);
  if (source === null) throw new ChaoslabError("badConfig", `${name}: nothing is mounted at ${destination}`);
  const here = await placeHere(engine, source, isThere);
  if (here !== null) return here;
  const { Pid, Running } = container.State;
  if (Running && isThere(destination, Pid)) return join(`/proc/${Pid}/root`, destination);
  throw new ChaoslabError(
    "busy",
    `${name}: its volume at ${destination} is no file system of its own, or not to be seen from here`,
  );
}

/** Where a volume of the engine is here, if anywhere: at its own path, or in the container that this process is in. */
export async function placeHere(
  engine: Engine,
  source: string,
  isThere: IsThere = hasOwnFileSystem,
): Promise<string | null> {
  if (isThere(source, "self")) return source;
  const ours = await ownContainer(engine);
  const here = ours?.Mounts.find((mount) => mount.Source === source)?.Destination;
  return here && isThere(here, "self") ? here : null;
}

const hasOwnFileSystem: IsThere = (path, process) => {
  try {
    return isOwnFileSystem(readFileSync(`/proc/${process}/mountinfo`, "utf8"), path);
  } catch {
    return false; // The process has ended.
  }
};

/**
 * Whether a whole file system is mounted at a path, in the text of /proc/PID/mountinfo (proc(5): the fourth field is the
 * folder of the file system that is mounted, the fifth where). A folder of the host's disk that is bound there is none, and
 * must never be filled.
 */
export function isOwnFileSystem(mountinfo: string, path: string): boolean {
  const mounts = mountinfo.split("\n").map((line) => line.split(" "));
  return mounts.findLast((fields) => fields[4] === path)?.[3] === "/";
}

/** The container that this process is in; null when it is in none. */
async function ownContainer(engine: Engine): Promise<Container | null> {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const id = /\/containers\/([0-9a-f]{64})\/host(?:name|s) /.exec(mounts)?.[1];
  if (id === undefined) return null;
  return engine.inspect(id).catch(() => null);
}

/** What `status` shows of it. */
export function statusOf(container: Container, name: string, port: number | null): NodeStatus {
  const { State, RestartCount } = container;
  return {
    name,
    state: stateOf(container),
    address: addressOf(container),
    port,
    pid: State.Running ? State.Pid : null,
    restarts: RestartCount,
    since: Date.parse(State.Running ? State.StartedAt : State.FinishedAt) || 0,
    // Of a container that runs, the engine has forgotten how it ended before.
    last_exit: State.Running ? null : `exit code ${State.ExitCode}`,
  };
}

/** A container without a health check is ready when it runs. */
export function stateOf({ State }: Pick<Container, "State">): NodeState {
  if (State.Status === "restarting") return "backoff";
  if (!State.Running) return "stopped";
  const health = State.Health?.Status;
  return health === undefined || health === "none" || health === "healthy" ? "ready" : "starting";
}

/** Whether the service at `url` says within `timeoutMs` that it is ready. */
export async function isReady(url: string, timeoutMs: number): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(timeoutMs) })).ok;
  } catch {
    return false;
  }
}
