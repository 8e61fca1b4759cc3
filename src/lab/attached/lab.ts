/**
 * A system that was there before, as lab.yaml describes it. Nothing of it is this process's to start or to remove, and
 * each node is looked up anew, as what it is may have been started again meanwhile.
 * @module
 */
import { mkdirSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import type { FaultSpec } from "../../model/fault.ts";
import type { LabFile, NodeEntry } from "../../model/lab-file.ts";
import { statusOf, targetOf } from "../docker/container.ts";
import { type Container, Engine, engineSocket } from "../docker/engine.ts";
import { checkLabName, LabPaths, readRecord } from "../host/record.ts";
import { type Lab, lookUpTargets, type NodeStatus, noSuchNode, type Targets } from "../lab.ts";
import { inNamespace } from "../netns.ts";
import { isAlive, processRef } from "../process.ts";
import type { Links, Target } from "../target.ts";
import { loadLabFile } from "./file.ts";
import { groupOf, listenerOn, mainOfUnit, type NodeProcess, networkOf } from "./process.ts";

const SERVICE_LABEL = "com.docker.compose.service";
const PROJECT_LABEL = "com.docker.compose.project";

export class AttachedLab implements Lab {
  readonly shop = null;
  readonly proxiesHint = "toxiproxy: in its lab.yaml names them";
  readonly paths: LabPaths;
  readonly #engine = new Engine(engineSocket());

  private constructor(
    readonly file: LabFile,
    /** Namespace that the load is sent from; null: this host's. */
    private readonly clientNetns: string | null,
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
    const lab = new AttachedLab(file, null);
    mkdirSync(lab.paths.dir, { recursive: true, mode: 0o700 });
    if (file.client === undefined) return lab;
    return new AttachedLab(file, (await lab.target(file.client)).netns);
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

  get hasProxies(): boolean {
    return this.file.toxiproxy !== undefined;
  }

  /** Its addresses are whatever they are: nobody's but the system's own. */
  isReachable(): boolean {
    return true;
  }

  async nodes(): Promise<NodeStatus[]> {
    return Promise.all(this.nodeNames.map((name) => this.#status(name)));
  }

  async target(name: string): Promise<Target> {
    const node = this.#node(name);
    const { url = null, volume = null, stop_signal } = node;
    const base = url === null ? null : baseOf(url);
    const target = isContainer(node)
      ? await targetOf(this.#engine, await this.#container(name, node), { name, volume, url: base })
      : await this.#process(name, node, base);
    return {
      ...target,
      ...(stop_signal === undefined ? {} : { stopSignal: stop_signal }),
      links: this.#linksTo(name),
    };
  }

  targetsOf(fault: FaultSpec): Promise<Targets> {
    return lookUpTargets(this, fault);
  }

  asClient(argv: readonly string[]): string[] {
    return this.clientNetns === null ? [...argv] : inNamespace(this.clientNetns, argv);
  }

  async logTail(name: string, lines: number): Promise<string[]> {
    const node = this.#node(name);
    return isContainer(node) ? this.#engine.logs((await this.#container(name, node)).Id, lines) : [];
  }

  #node(name: string): NodeEntry {
    const node = this.file.nodes[name];
    if (node) return node;
    throw noSuchNode(this, name);
  }

  async #status(name: string): Promise<NodeStatus> {
    const node = this.#node(name);
    if (isContainer(node)) {
      return this.#container(name, node).then(
        (container) => statusOf(container, name, portOf(node)),
        () => stopped(name, portOf(node)),
      );
    }
    const process = await this.#lookUp(node).catch(() => null);
    const ref = process && processRef(process.pid);
    if (!ref || !isAlive(ref)) return stopped(name, portOf(node));
    return { ...stopped(name, portOf(node)), state: "ready", pid: ref.pid };
  }

  async #container(name: string, node: NodeEntry): Promise<Container> {
    if (node.container !== undefined) return this.#engine.inspect(node.container);
    const { project } = this.file;
    const labels = [
      `${SERVICE_LABEL}=${node.compose}`,
      ...(project === undefined ? [] : [`${PROJECT_LABEL}=${project}`]),
    ];
    const found = await this.#engine.list(labels);
    const [only] = found;
    if (!only)
      throw new ChaoslabError("notFound", `${name}: no container of compose service ${node.compose}`);
    if (found.length === 1) return this.#engine.inspect(only.Id);
    const names = found.map(({ Names }) => Names[0]?.slice(1)).join(", ");
    throw new ChaoslabError(
      "busy",
      `${name}: several containers are of compose service ${node.compose}: ${names}`,
      "name one by `container`, or the `project`",
    );
  }

  async #lookUp({ pid, port, systemd }: NodeEntry): Promise<NodeProcess> {
    if (systemd !== undefined) return mainOfUnit(systemd);
    return { pid: pid ?? listenerOn(port ?? 0), unit: null, restarts: false };
  }

  async #process(name: string, node: NodeEntry, url: string | null): Promise<Target> {
    const process = await this.#lookUp(node);
    return {
      name,
      address: url === null ? "" : new URL(url).hostname,
      netns: networkOf(process.pid),
      device: "eth0",
      fabric: null,
      cgroup: await groupOf(process),
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
const portOf = ({ port, url }: NodeEntry): number | null =>
  port ?? (url === undefined ? null : Number(new URL(url).port || 80));

const stopped = (name: string, port: number | null): NodeStatus => ({
  name,
  state: "stopped",
  address: "",
  port,
  pid: null,
  restarts: 0,
  since: 0,
  last_exit: null,
});
