/**
 * The lab of docker-compose.yml: the system under test in containers, found by their labels. Nothing of it is this
 * process's to start or to remove; `docker compose` does that.
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError } from "../../cli/errors.ts";
import { isLostLabAddress } from "../../load/reach.ts";
import type { FaultSpec } from "../../model/fault.ts";
import { LINKS, linkProxies } from "../host/links.ts";
import { DEFAULT_SEEDED, LabPaths, makeLabFolder } from "../host/record.ts";
import { NODE_NAMES, type NodeName, PORTS, PROXY_NODE, SERVICES, Topology } from "../host/topology.ts";
import { type Lab, lookUpTargets, type NodeStatus, noSuchNode, type Shop, type Targets } from "../lab.ts";
import { inNamespace } from "../netns.ts";
import type { Links, Target } from "../target.ts";
import { type NodeFacts, statusOf, targetOf, volumePath } from "./container.ts";
import { type Container, Engine, engineSocket } from "./engine.ts";
import { cgroupOfProcess, netnsOf } from "./place.ts";

/** Its name on the command line. */
export const DOCKER_LAB = "docker";
/** Number of its network among the /24s of 198.18.0.0/15, as docker-compose.yml has it: 198.19.254.0/24. */
export const DOCKER_SUBNET = 510;
const LAB_LABEL = `chaoslab.lab=${DOCKER_LAB}`;
const SERVICE_LABEL = "com.docker.compose.service";
const PROJECT_LABEL = "com.docker.compose.project";
const PROXIES_LABEL = "chaoslab.toxiproxy";

const ANSWER_MS = 1_000;

/** Where the volumes are in the containers, as docker-compose.yml has them. */
const PRIMARY_VOLUME = "/volume";
const SETTINGS_VOLUME = "/lab";

export class DockerLab implements Lab {
  readonly name = DOCKER_LAB;
  readonly links = LINKS;
  readonly proxiesHint =
    "docker compose -f docker-compose.yml -f docker/through-toxiproxy.yml up -d makes them";
  readonly topology: Topology;
  readonly paths: LabPaths;

  private constructor(
    readonly engine: Engine,
    /** Ids by the names of the nodes. */
    private readonly ids: ReadonlyMap<string, string>,
    private readonly parts: { clientPid: number; shop: Shop; proxyToken: string | null },
  ) {
    this.topology = new Topology(DOCKER_LAB, DOCKER_SUBNET, [...NODE_NAMES, PROXY_NODE]);
    this.paths = new LabPaths(DOCKER_LAB);
  }

  /** @throws {ChaoslabError} `prerequisite` without an engine, `notFound` without its containers. */
  static async open(): Promise<DockerLab> {
    const engine = new Engine(engineSocket());
    const ids = await containersOf(engine);
    const topology = new Topology(DOCKER_LAB, DOCKER_SUBNET);
    const inspect = (node: string): Promise<Container> => engine.inspect(idOf(ids, node));
    const [api, client, primary, toxiproxy] = await Promise.all([
      inspect("api"),
      inspect("client"),
      inspect("pg-primary"),
      inspect(PROXY_NODE),
    ]);
    const settings = await volumePath(engine, api.Id, SETTINGS_VOLUME, existsSync);
    const isProxied = toxiproxy.Config.Labels[PROXIES_LABEL] === "true";
    const password = environmentOf(primary, "POSTGRES_PASSWORD") ?? "";
    const at = (node: "pg-primary" | "pg-replica") =>
      `postgres://shop:${encodeURIComponent(password)}@${topology.address(node)}:${PORTS[node]}/shop`;
    const shop: Shop = {
      api: topology.url("api"),
      seeded: {
        orders: Number(environmentOf(primary, "SEED_ORDERS") ?? DEFAULT_SEEDED.orders),
        products: Number(environmentOf(primary, "SEED_PRODUCTS") ?? DEFAULT_SEEDED.products),
        tenants: Number(environmentOf(primary, "TENANTS") ?? DEFAULT_SEEDED.tenants),
      },
      services: new Map(SERVICES.map((node) => [node, topology.url(node)])),
      ledger: topology.url("payments"),
      primary: at("pg-primary"),
      replica: at("pg-replica"),
      mitigationsFile: join(settings ?? SETTINGS_VOLUME, "mitigations.json"),
    };
    const lab = new DockerLab(engine, ids, {
      clientPid: client.State.Pid,
      shop,
      proxyToken: isProxied ? (environmentOf(toxiproxy, "CHAOSLAB_TOKEN") ?? "") : null,
    });
    makeLabFolder(lab.paths);
    return lab;
  }

  get nodeNames(): readonly string[] {
    return this.topology.nodes;
  }

  get places(): readonly string[] {
    return this.topology.places;
  }

  get services(): ReadonlyMap<string, string> {
    return this.parts.shop.services;
  }

  get shop(): Shop {
    return this.parts.shop;
  }

  get hasProxies(): boolean {
    return this.parts.proxyToken !== null;
  }

  isReachable(): boolean {
    return !isLostLabAddress(this.topology.address("api"), readFileSync("/proc/net/route", "utf8"));
  }

  /** The engine's health checks are far between, so a node that it does not know to be well is asked itself. */
  async nodes(timeoutMs = 5_000): Promise<NodeStatus[]> {
    return Promise.all(
      this.topology.nodes.map(async (node) => {
        const status = statusOf(await this.#inspect(node), node, PORTS[node]);
        const asked = ["starting", "ready"].includes(status.state) && this.isReachable();
        if (!asked) return status;
        const isReady = await this.#isReady(node, Math.min(timeoutMs, ANSWER_MS));
        return { ...status, state: isReady ? "ready" : "starting" };
      }),
    );
  }

  async #isReady(node: NodeName, timeoutMs: number): Promise<boolean> {
    const url = this.services.get(node);
    if (url === undefined) return accepts(this.topology.address(node), PORTS[node], timeoutMs);
    try {
      return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(timeoutMs) })).ok;
    } catch {
      return false;
    }
  }

  async target(name: string): Promise<Target> {
    const place = this.topology.find(name);
    if (!place) throw noSuchNode(this, name);
    const target = await targetOf(this.engine, await this.#inspect(place), factsOf(this.topology, place));
    return { ...target, links: place === "client" ? null : await this.#linksTo(place) };
  }

  targetsOf(fault: FaultSpec): Promise<Targets> {
    return lookUpTargets(this, fault);
  }

  asClient(argv: readonly string[]): string[] {
    return inNamespace(netnsOf(this.parts.clientPid), argv);
  }

  logTail(node: string, lines: number): Promise<string[]> {
    return this.engine.logs(idOf(this.ids, node), lines);
  }

  #inspect(node: string): Promise<Container> {
    return this.engine.inspect(idOf(this.ids, node));
  }

  async #linksTo(node: NodeName): Promise<Links | null> {
    const { proxyToken } = this.parts;
    if (proxyToken === null) return null;
    const proxies = linkProxies(this.topology, { url: null }).filter(({ link }) => link.callee === node);
    const proxy = await this.#inspect(PROXY_NODE);
    const tokenFile = this.paths.toxiproxyToken;
    writeFileSync(tokenFile, `${proxyToken}\n`, { mode: 0o600 });
    return {
      server: {
        url: this.topology.url(PROXY_NODE),
        tokenFile,
        cgroup: proxy.State.Running ? await cgroupOfProcess(proxy.State.Pid) : null,
      },
      proxies: proxies.map(({ name, link }) => ({ name, from: link.caller })),
    };
  }
}

/** Whether a connection is taken there. */
async function accepts(hostname: string, port: number, timeoutMs: number): Promise<boolean> {
  const nothing = { data: () => {} };
  const connecting = Bun.connect({ hostname, port, socket: nothing }).then(
    (socket) => {
      socket.end();
      return true;
    },
    () => false,
  );
  return Promise.race([connecting, Bun.sleep(timeoutMs).then(() => false)]);
}

/** Ids of the lab's containers by the names of the nodes. @throws {ChaoslabError} `notFound`, `busy`. */
async function containersOf(engine: Engine): Promise<Map<string, string>> {
  const found = await engine.list([LAB_LABEL, SERVICE_LABEL]);
  const projects = [...new Set(found.map(({ Labels }) => Labels[PROJECT_LABEL] ?? ""))];
  if (projects.length > 1) {
    throw new ChaoslabError(
      "busy",
      `lab ${DOCKER_LAB}: several compose projects have its containers: ${projects.join(", ")}`,
      "take all but one down",
    );
  }
  const ids = new Map(found.map(({ Id, Labels }) => [Labels[SERVICE_LABEL] ?? "", Id]));
  if (ids.size > 0) return ids;
  throw new ChaoslabError(
    "notFound",
    `no container of lab ${DOCKER_LAB}`,
    "docker compose up -d starts them",
  );
}

function idOf(ids: ReadonlyMap<string, string>, node: string): string {
  const id = ids.get(node);
  if (id !== undefined) return id;
  throw new ChaoslabError("notFound", `no container of ${node}`, "docker compose up -d starts them");
}

function factsOf(topology: Topology, place: NodeName | "client"): NodeFacts {
  const isService = place !== "client" && SERVICES.includes(place);
  return {
    name: place,
    volume: place === "pg-primary" ? PRIMARY_VOLUME : null,
    url: isService ? topology.url(place) : null,
  };
}

function environmentOf({ Config }: Container, name: string): string | null {
  const line = (Config.Env ?? []).find((each) => each.startsWith(`${name}=`));
  return line === undefined ? null : line.slice(name.length + 1);
}
