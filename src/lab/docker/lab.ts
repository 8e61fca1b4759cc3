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
import {
  type Lab,
  lookUpTargets,
  type NodeStatus,
  noSuchNode,
  type Shop,
  stoppedNode,
  type Targets,
} from "../lab.ts";
import { inNamespace } from "../netns.ts";
import type { Links, Target } from "../target.ts";
import { isReady, type NodeFacts, statusOf, targetOf, volumePath } from "./container.ts";
import {
  type Container,
  Engine,
  engineSocket,
  NOT_ONEOFF,
  nullIfGone,
  PROJECT_LABEL,
  SERVICE_LABEL,
} from "./engine.ts";
import { cgroupOfProcess, netnsOf } from "./place.ts";

/** Its name on the command line. */
export const DOCKER_LAB = "docker";
/** Number of its network among the /24s of 198.18.0.0/15, as docker-compose.yml has it: 198.19.254.0/24. */
export const DOCKER_SUBNET = 510;
const LAB_LABEL = `chaoslab.lab=${DOCKER_LAB}`;
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
    readonly shop: Shop,
  ) {
    this.topology = TOPOLOGY;
    this.paths = new LabPaths(DOCKER_LAB);
  }

  /** @throws {ChaoslabError} `prerequisite` without an engine, `notFound` without its containers. */
  static async open(): Promise<DockerLab> {
    const engine = new Engine(engineSocket());
    const [api, primary] = [await containerOf(engine, "api"), await containerOf(engine, "pg-primary")];
    const settings = await volumePath(engine, api.Id, SETTINGS_VOLUME, exists);
    const lab = new DockerLab(engine, shopOf(primary, settings ?? SETTINGS_VOLUME));
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
    return this.shop.services;
  }

  async hasProxies(): Promise<boolean> {
    return isProxied(await containerOf(this.engine, PROXY_NODE));
  }

  isReachable(): boolean {
    return !isLostLabAddress(this.topology.address("api"), readFileSync("/proc/net/route", "utf8"));
  }

  /** The engine's health checks are far between, so a node that it does not know to be well is asked itself. */
  async nodes(timeoutMs = 5_000): Promise<NodeStatus[]> {
    return Promise.all(
      this.topology.nodes.map(async (node) => {
        const container = await containerOf(this.engine, node).catch(nullIfGone);
        if (!container) return stoppedNode(node, this.topology.address(node), PORTS[node]);
        const status = statusOf(container, node, PORTS[node]);
        const asked = ["starting", "ready"].includes(status.state) && this.isReachable();
        if (!asked) return status;
        const ready = await this.#isReady(node, Math.min(timeoutMs, ANSWER_MS));
        return { ...status, state: ready ? "ready" : "starting" };
      }),
    );
  }

  async #isReady(node: NodeName, timeoutMs: number): Promise<boolean> {
    const url = this.services.get(node);
    if (url === undefined) return accepts(this.topology.address(node), PORTS[node], timeoutMs);
    return isReady(url, timeoutMs);
  }

  async target(name: string): Promise<Target> {
    const place = this.topology.find(name);
    if (!place) throw noSuchNode(this, name);
    const container = await containerOf(this.engine, place);
    const target = await targetOf(this.engine, container, factsOf(this.topology, place));
    return { ...target, links: place === "client" ? null : await this.#linksTo(place) };
  }

  targetsOf(fault: FaultSpec): Promise<Targets> {
    return lookUpTargets(this, fault);
  }

  async clientPrefix(): Promise<readonly string[]> {
    const { State } = await containerOf(this.engine, "client");
    if (State.Running) return inNamespace(netnsOf(State.Pid), []);
    throw new ChaoslabError("busy", "client: it is not running, so nothing can be sent from there");
  }

  async logTail(node: string, lines: number): Promise<string[]> {
    return this.engine.logs((await containerOf(this.engine, node)).Id, lines);
  }

  async #linksTo(node: NodeName): Promise<Links | null> {
    const server = await containerOf(this.engine, PROXY_NODE).catch(nullIfGone);
    if (!server || !isProxied(server)) return null;
    const tokenFile = this.paths.toxiproxyToken;
    writeFileSync(tokenFile, `${environmentOf(server, "CHAOSLAB_TOKEN") ?? ""}\n`, { mode: 0o600 });
    const proxies = linkProxies(this.topology, { url: null }).filter(({ link }) => link.callee === node);
    return {
      server: {
        url: this.topology.url(PROXY_NODE),
        tokenFile,
        cgroup: server.State.Running ? await cgroupOfProcess(server.State.Pid) : null,
      },
      proxies: proxies.map(({ name, link }) => ({ name, from: link.caller })),
    };
  }
}

const exists = (path: string, process: number | "self"): boolean =>
  existsSync(process === "self" ? path : join(`/proc/${process}/root`, path));

const TOPOLOGY = new Topology(DOCKER_LAB, DOCKER_SUBNET, [...NODE_NAMES, PROXY_NODE]);

const isProxied = ({ Config }: Container): boolean => Config.Labels[PROXIES_LABEL] === "true";

function shopOf(primary: Container, settings: string): Shop {
  const number = (name: string, otherwise: number): number =>
    Number(environmentOf(primary, name) ?? otherwise);
  const password = encodeURIComponent(environmentOf(primary, "POSTGRES_PASSWORD") ?? "");
  const at = (node: "pg-primary" | "pg-replica"): string =>
    `postgres://shop:${password}@${TOPOLOGY.address(node)}:${PORTS[node]}/shop`;
  return {
    api: TOPOLOGY.url("api"),
    seeded: {
      orders: number("SEED_ORDERS", DEFAULT_SEEDED.orders),
      products: number("SEED_PRODUCTS", DEFAULT_SEEDED.products),
      tenants: number("TENANTS", DEFAULT_SEEDED.tenants),
    },
    services: new Map(SERVICES.map((node) => [node, TOPOLOGY.url(node)])),
    ledger: TOPOLOGY.url("payments"),
    primary: at("pg-primary"),
    replica: at("pg-replica"),
    mitigationsFile: join(settings, "mitigations.json"),
  };
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

/**
 * The node's container, as it is now: `docker compose up` may make another one at any time.
 * @throws {ChaoslabError} `notFound`, `busy` when several compose projects have one.
 */
async function containerOf(engine: Engine, node: string): Promise<Container> {
  const found = await engine.list([LAB_LABEL, NOT_ONEOFF, `${SERVICE_LABEL}=${node}`]);
  const [only] = found;
  if (!only) {
    throw new ChaoslabError(
      "notFound",
      `no container of ${node} in lab ${DOCKER_LAB}`,
      "docker compose up -d starts it",
    );
  }
  if (found.length === 1) return engine.inspect(only.Id);
  const projects = found.map(({ Labels }) => Labels[PROJECT_LABEL] ?? "");
  throw new ChaoslabError(
    "busy",
    `lab ${DOCKER_LAB}: several compose projects have a container of ${node}: ${projects.join(", ")}`,
    "take all but one down",
  );
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
