/**
 * The host lab as commands use it: boot it, look at it, find a target in it, take it down.
 * @module
 */
import { existsSync } from "node:fs";
import { ChaoslabError, ExitCode, type ExitKind } from "../../cli/errors.ts";
import { linesOf } from "../../cli/lines.ts";
import { selfCommand } from "../../cli/self.ts";
import type { FaultSpec } from "../../model/fault.ts";
import type { Mitigation } from "../../model/mitigations.ts";
import { nodesNamedBy } from "../../model/params.ts";
import { type Lab, type NodeStatus, noSuchNode, type Shop, type Targets } from "../lab.ts";
import { tailOf } from "../log-tail.ts";
import { inNamespace } from "../netns.ts";
import { bootId, isAlive } from "../process.ts";
import type { Target } from "../target.ts";
import type { BootStep } from "./boot.ts";
import { cgroupDirs, cgroupLayout } from "./cgroup.ts";
import { LINKS } from "./links.ts";
import { databaseUrl } from "./nodes.ts";
import { checkHost } from "./prerequisites.ts";
import { linksTo } from "./proxies.ts";
import {
  DEFAULT_CHOICES,
  type LabChoices,
  LabPaths,
  type LabRecord,
  readRecord,
  topologyOf,
} from "./record.ts";
import { SERVICES, stopSignalOf, type Topology } from "./topology.ts";

/** What the supervisor's process says on its stdout while it boots or ends. */
export type SupervisorMessage =
  | ({ kind: "step" } & BootStep)
  | { kind: "ready"; ms: number }
  | { kind: "error"; exit: ExitKind; message: string; hint: string | null };

export type LabState = LabRecord["state"] | "dead" | "rebooted";

export class HostLab implements Lab {
  readonly links = LINKS;
  readonly proxiesHint = "chaoslab up --toxiproxy boots one with them";
  readonly topology: Topology;
  readonly paths: LabPaths;

  constructor(readonly record: LabRecord) {
    this.topology = topologyOf(record);
    this.paths = new LabPaths(record.name);
  }

  get name(): string {
    return this.record.name;
  }

  get nodeNames(): readonly string[] {
    return this.topology.nodes;
  }

  get places(): readonly string[] {
    return this.topology.places;
  }

  get services(): ReadonlyMap<string, string> {
    return new Map(SERVICES.map((node) => [node, this.topology.url(node)]));
  }

  hasProxies(): boolean {
    return Boolean(this.record.toxiproxy);
  }

  get apiUrl(): string {
    return this.topology.url("api");
  }

  get shop(): Shop {
    return {
      api: this.apiUrl,
      seeded: this.record.seeded,
      services: this.services,
      ledger: this.topology.url("payments"),
      primary: databaseUrl(this, "pg-primary"),
      replica: databaseUrl(this, "pg-replica"),
      mitigationsFile: this.paths.mitigations,
    };
  }

  /** A lab that was taken down under us has no route any more. */
  isReachable(): boolean {
    return existsSync(`/sys/class/net/${this.topology.hostDevice}`);
  }

  /** In a namespace of the lab: should the lab go away, its packets have nowhere to go. */
  clientPrefix(): readonly string[] {
    return inNamespace(this.topology.netns("client"), []);
  }

  logTail(node: string, lines: number): string[] {
    return tailOf(this.paths.log(node), lines);
  }

  /** `dead`: its supervisor is gone, nodes may still run. `rebooted`: only files are left of it. */
  get state(): LabState {
    if (this.record.boot_id !== bootId()) return "rebooted";
    if (!(this.record.supervisor && isAlive(this.record.supervisor))) return "dead";
    return this.record.state;
  }

  /** State of each node, from the supervisor. */
  async nodes(timeoutMs = 5_000): Promise<NodeStatus[]> {
    const answer = await fetch("http://supervisor/status", {
      unix: this.paths.socket,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return (await answer.json()) as NodeStatus[];
  }

  target(name: string): Target {
    const place = this.topology.find(name);
    if (!place) throw noSuchNode(this, name);
    const node = place === "client" ? null : place;
    const layout = cgroupLayout();
    return {
      ...this.topology.networkTarget(place),
      cgroup: node ? { version: layout.version, dirs: cgroupDirs(layout, this.name, node) } : null,
      stopSignal: stopSignalOf(place),
      volume: node === "pg-primary" ? { path: this.paths.volume(node), of: null } : null,
      url: node && SERVICES.includes(node) ? this.topology.url(node) : null,
      supervisor: node ? { by: "lab", socket: this.paths.socket } : null,
      links: linksTo(this.record, name),
    };
  }

  targetsOf({ target, params }: FaultSpec): Targets {
    const others = nodesNamedBy(params).map(({ node }) => [node, this.target(node)] as const);
    return { target: this.target(target), others: Object.fromEntries(others) };
  }
}

/** The lab of this name, or null when there is none. */
export function findLab(name: string): HostLab | null {
  const record = readRecord(name);
  return record && new HostLab(record);
}

/** A lab that is not there, to tell what would be done in it. */
export function plannedLab(name: string, choices: Partial<LabChoices>): HostLab {
  return new HostLab({
    name,
    subnet: 0,
    boot_id: bootId(),
    created_at: new Date().toISOString(),
    state: "booting",
    supervisor: null,
    ...DEFAULT_CHOICES,
    ...choices,
    postgres_password: "",
    jwt_secret: "",
  });
}

/** What a lab shall be like; what is left out is as by default. */
export interface LabWish extends Partial<LabChoices> {
  /** That its services begin with. */
  mitigations?: readonly Mitigation[];
}

export interface BootedLab {
  lab: HostLab;
  /** Milliseconds from the start to every node ready. */
  ms: number;
  /** Lets the lab live on without this process. */
  detach(): Promise<void>;
  /** Takes the lab down. Happens by itself when this process dies before `detach`. */
  down(): Promise<void>;
}

/**
 * Boots a lab in a process of its own. Until `detach`, the lab belongs to this process: whatever ends it,
 * SIGKILL included, closes a pipe, and the lab takes itself down.
 * @param onStep called after each step of the boot.
 * @param signal aborts the boot and takes down what there is.
 */
export async function bootLab(
  name: string,
  onStep: (step: BootStep) => void,
  wanted: LabWish = {},
  signal?: AbortSignal,
): Promise<BootedLab> {
  checkHost(wanted);
  const child = Bun.spawn(selfCommand("internal", "supervise", name, JSON.stringify(wanted)), {
    stdin: "pipe",
    stdout: "pipe",
    // Not inherited: a lab that lives on would hold the pipe of `chaoslab up | ...` open.
    stderr: "ignore",
    // Its own session: Ctrl-C in the terminal reaches this process alone, which then decides.
    detached: true,
  });
  const down = async (): Promise<void> => {
    await child.stdin.end();
    await child.exited;
    if (child.exitCode !== ExitCode.ok) {
      throw new ChaoslabError(
        "labFailed",
        `lab ${name} was not wholly taken down`,
        `chaoslab down --lab ${name}`,
      );
    }
  };
  const abort = (): void => void child.stdin.end();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for await (const line of linesOf(child.stdout)) {
      const message = JSON.parse(line) as SupervisorMessage;
      if (message.kind === "step") onStep(message);
      if (message.kind === "error") {
        await child.exited;
        throw new ChaoslabError(message.exit, message.message, message.hint ?? undefined);
      }
      if (message.kind === "ready") {
        const lab = findLab(name);
        if (!lab) throw new ChaoslabError("labFailed", `lab ${name} vanished while it booted`);
        const detach = async (): Promise<void> => {
          child.stdin.write("detach\n");
          await child.stdin.end();
          child.unref();
        };
        return { lab, ms: message.ms, detach, down };
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  await child.exited;
  const how = child.signalCode ?? `exit code ${child.exitCode}`;
  if (child.exitCode !== ExitCode.ok) {
    throw new ChaoslabError(
      "labFailed",
      `lab ${name}: its supervisor ended during the boot (${how})`,
      `chaoslab down --lab ${name} removes what is left`,
    );
  }
  if (signal?.aborted)
    throw new ChaoslabError("aborted", `boot of lab ${name} stopped; nothing of it is left`);
  throw new ChaoslabError("labFailed", `lab ${name} was taken down while it booted`);
}

/** One finished step of a boot as a line: `  seed           0.82 s  10000 orders, ...`. */
export function stepLine({ step, detail, ms }: BootStep): string {
  return `  ${step.padEnd(20)} ${(ms / 1000).toFixed(2).padStart(5)} s  ${detail}`;
}
