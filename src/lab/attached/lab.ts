/**
 * A system that was there before, as lab.yaml describes it. Nothing of it is this process's to start or to remove, and
 * each node is looked up anew, as what it is may have been started again meanwhile.
 * @module
 */
import { statSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import type { FaultSpec } from "../../model/fault.ts";
import type { LabFile, NodeEntry } from "../../model/lab-file.ts";
import { nodesNamedBy } from "../../model/params.ts";
import { statusOf, targetOf } from "../docker/container.ts";
import { type Container, Engine, engineSocket, nullIfGone } from "../docker/engine.ts";
import { netnsIdOf } from "../docker/place.ts";
import { checkLabName, LabPaths, makeLabFolder, readRecord } from "../host/record.ts";
import { type Lab, lookUpTargets, type NodeStatus, noSuchNode, stoppedNode, type Targets } from "../lab.ts";
import { inNamespace } from "../netns.ts";
import { ageMs, type ProcessRef } from "../process.ts";
import type { Links, Target } from "../target.ts";
import { containerOf } from "./container.ts";
import { loadLabFile } from "./file.ts";
import { listenerOn } from "./listener.ts";
import { disturbable, groupOf, networkOf, requireNotOurs, requireOlderThan } from "./process.ts";
import { unitOf } from "./unit.ts";

/** The first process of a node, and whether something starts it again. */
interface Found {
  ref: ProcessRef;
  restarts: boolean;
}

export class AttachedLab implements Lab {
  readonly shop = null;
  readonly proxiesHint = "toxiproxy: in its lab.yaml names them";
  readonly paths: LabPaths;
  readonly #engine = new Engine(engineSocket());

  private constructor(
    /** Path of its lab.yaml. */
    readonly path: string,
    readonly file: LabFile,
  ) {
    this.paths = new LabPaths(file.name);
  }

  /** @throws {ChaoslabError} `badConfig` by file and line, `busy` when a lab of this host has the name. */
  static async open(path: string): Promise<AttachedLab> {
    const file = loadLabFile(path);
    const name = checkLabName(file.name);
    if (readRecord(name)) {
      throw new ChaoslabError(
        "busy",
        `${path}: name: lab ${name} is one of this host`,
        "give it another name",
      );
    }
    const lab = new AttachedLab(path, file);
    makeLabFolder(lab.paths);
    return lab;
  }

  get name(): string {
    return this.file.name;
  }

  get nodeNames(): readonly string[] {
    return Object.keys(this.file.nodes);
  }

  get places(): readonly string[] {
    return this.nodeNames;
  }

  get services(): ReadonlyMap<string, string> {
    const served = Object.entries(this.file.nodes).flatMap(([name, { url, metrics }]) =>
      metrics && url !== undefined ? [[name, baseOf(url)] as const] : [],
    );
    return new Map(served);
  }

  get links(): readonly { caller: string; callee: string }[] {
    return Object.entries(this.file.dependencies ?? {}).flatMap(([caller, callees]) =>
      callees.map((callee) => ({ caller, callee })),
    );
  }

  hasProxies(): boolean {
    return this.file.toxiproxy !== undefined;
  }

  /** Its addresses are whatever they are: nobody's but the system's own. */
  isReachable(): boolean {
    return true;
  }

  async nodes(): Promise<NodeStatus[]> {
    return Promise.all(this.nodeNames.map((name) => this.#status(name)));
  }

  /** @throws {ChaoslabError} `notFound` or `busy` when it does not run, `badConfig` for what must not be disturbed. */
  async target(name: string): Promise<Target> {
    const node = this.#node(name);
    const { url, volume = null, stop_signal } = node;
    const base = url === undefined ? null : baseOf(url);
    const target = isContainer(node)
      ? await targetOf(this.#engine, await this.#container(name, node), { name, volume, url: base })
      : await this.#process(name, node, base);
    await requireNotOurs(target);
    return {
      ...target,
      ...(stop_signal === undefined ? {} : { stopSignal: stop_signal }),
      links: this.#linksTo(name),
    };
  }

  async targetsOf(fault: FaultSpec): Promise<Targets> {
    const targets = await lookUpTargets(this, fault);
    // Toxics know a peer by its proxy, and all else by its address.
    if (fault.type !== "toxic") {
      for (const { node } of nodesNamedBy(fault.params).filter(({ field }) => field === "peer")) {
        if (targets.others[node]?.netns !== null) continue;
        throw new ChaoslabError(
          "badConfig",
          `${fault.type}: ${node} cannot be the peer: it has no network of its own, so that its packets are not to be told from others'`,
          "leave the peer out",
        );
      }
    }
    return targets;
  }

  /** Whether something starts the node again when it is killed. */
  async isRestarted(name: string): Promise<boolean> {
    const node = this.#node(name);
    if (!isContainer(node)) return (await this.#lookUp(name, node)).restarts;
    const { supervisor } = await this.target(name);
    return supervisor?.by === "docker" && supervisor.restarts !== "never";
  }

  async clientPrefix(): Promise<readonly string[]> {
    const { client } = this.file;
    const netns = client === undefined ? null : (await this.target(client)).netns;
    return netns === null ? [] : inNamespace(netns, []);
  }

  async logTail(name: string, lines: number): Promise<string[]> {
    const node = this.#node(name);
    return isContainer(node) ? this.#engine.logs((await this.#container(name, node)).Id, lines) : [];
  }

  #node(name: string): NodeEntry {
    const node = Object.hasOwn(this.file.nodes, name) ? this.file.nodes[name] : undefined;
    if (node) return node;
    throw noSuchNode(this, name);
  }

  #container(name: string, node: NodeEntry): Promise<Container> {
    return containerOf(this.#engine, name, node, this.file.project);
  }

  async #status(name: string): Promise<NodeStatus> {
    const node = this.#node(name);
    const port = portOf(node);
    if (isContainer(node)) {
      const container = await this.#container(name, node).catch(nullIfGone);
      return container ? statusOf(container, name, port) : stoppedNode(name, "", port);
    }
    const ref = (await this.#lookUp(name, node).catch(nullIfGone))?.ref;
    if (!ref) return stoppedNode(name, "", port);
    return {
      ...stoppedNode(name, "", port),
      state: "ready",
      pid: ref.pid,
      since: Math.round(Date.now() - ageMs(ref)),
    };
  }

  async #lookUp(name: string, { pid, port, systemd, restarts = false }: NodeEntry): Promise<Found> {
    if (systemd !== undefined) {
      const unit = await unitOf(systemd, name);
      return { ref: disturbable(unit.pid, name), restarts: unit.restarts };
    }
    const ref = disturbable(pid ?? listenerOn(port ?? 0, name), name);
    if (pid !== undefined) requireOlderThan(ref, statSync(this.path).mtimeMs, name, this.path);
    return { ref, restarts };
  }

  async #process(name: string, node: NodeEntry, url: string | null): Promise<Target> {
    const { ref } = await this.#lookUp(name, node);
    const network = await networkOf(ref.pid);
    return {
      name,
      address: network?.address ?? "",
      netns: network?.netns ?? null,
      ...(network && { netnsId: netnsIdOf(ref.pid) }),
      device: network?.device ?? "",
      fabric: null,
      cgroup: await groupOf(ref, node.systemd ?? null),
      stopSignal: "SIGTERM",
      volume: null,
      url,
      supervisor: null,
      links: null,
    };
  }

  #linksTo(name: string): Links | null {
    const { toxiproxy } = this.file;
    if (!toxiproxy) return null;
    const proxies = toxiproxy.links
      .filter(({ to }) => to === name)
      .map(({ proxy, from }) => ({ name: proxy, from }));
    return { server: { url: baseOf(toxiproxy.url), tokenFile: null, cgroup: null }, proxies };
  }
}

const isContainer = ({ container, compose }: NodeEntry): boolean =>
  container !== undefined || compose !== undefined;
const baseOf = (url: string): string => url.replace(/\/$/, "");

function portOf({ port, url }: NodeEntry): number | null {
  if (port !== undefined || url === undefined) return port ?? null;
  const { protocol, port: given } = new URL(url);
  return Number(given || (protocol === "https:" ? 443 : 80));
}
