/**
 * The lab's plan, as pure data: which nodes there are, where they live and what they are called.
 * Everything the lab makes on the host is derived from its name and its subnet, so that it can be
 * found and removed again from the kernel alone.
 * @module
 */
import type { Target } from "../target.ts";

/** Nodes that every lab has. */
export const NODE_NAMES = [
  "api",
  "orders-1",
  "orders-2",
  "payments",
  "catalog",
  "pg-primary",
  "pg-replica",
  "redis",
] as const;
/** Holds the proxies between the services, in a lab that is booted with them. */
export const PROXY_NODE = "toxiproxy";
/** Watch the others, in a lab that is booted with them: what the nodes without metrics have to tell, and a Prometheus. */
export const EXPORTER_NODE = "exporter";
export const PROMETHEUS_NODE = "prometheus";
export type NodeName =
  | (typeof NODE_NAMES)[number]
  | typeof PROXY_NODE
  | typeof EXPORTER_NODE
  | typeof PROMETHEUS_NODE;

/** Nodes that are services of the system under test, reached over HTTP. */
export const SERVICES: readonly NodeName[] = ["api", "orders-1", "orders-2", "payments", "catalog"];

/** What an experiment can disturb: the nodes, and where the load comes from. */
export const PLACES = [...NODE_NAMES, PROXY_NODE, "client"] as const;
/** Everything that can have a place on a lab's network. */
export type Place = NodeName | "client";

/** Last octet of each address; .1 is the host, .2 the fabric. */
const OCTETS: Readonly<Record<Place, number>> = {
  api: 11,
  "orders-1": 21,
  "orders-2": 22,
  payments: 31,
  catalog: 41,
  "pg-primary": 51,
  "pg-replica": 52,
  redis: 61,
  client: 71,
  toxiproxy: 81,
  exporter: 91,
  prometheus: 92,
};

export const PORTS: Readonly<Record<NodeName, number>> = {
  api: 8080,
  "orders-1": 8081,
  "orders-2": 8081,
  payments: 8082,
  catalog: 8083,
  "pg-primary": 5432,
  "pg-replica": 5432,
  redis: 6379,
  toxiproxy: 8474,
  exporter: 9187,
  prometheus: 9090,
};

/** How a node is asked to end. Postgres: its fast shutdown; on SIGTERM it waits for clients, and pools never leave. */
export const stopSignalOf = (place: Place): NodeJS.Signals =>
  place.startsWith("pg-") ? "SIGINT" : "SIGTERM";

/** Subnets are the /24s of 198.18.0.0/15, reserved for benchmarks by RFC 2544. */
export const SUBNET_COUNT = 512;

/** Names and addresses of one lab. */
export class Topology {
  constructor(
    readonly lab: string,
    /** 0 to 511: the lab's /24 inside 198.18.0.0/15. */
    readonly subnet: number,
    /** The lab's own. */
    readonly nodes: readonly NodeName[] = NODE_NAMES,
  ) {
    if (!Number.isInteger(subnet) || subnet < 0 || subnet >= SUBNET_COUNT) {
      throw new RangeError(`subnet must be a whole number from 0 to ${SUBNET_COUNT - 1}, got ${subnet}`);
    }
  }

  get places(): readonly Place[] {
    return [...this.nodes, "client"];
  }
  get prefix(): string {
    return `198.${18 + (this.subnet >> 8)}.${this.subnet & 255}`;
  }
  get cidr(): string {
    return `${this.prefix}.0/24`;
  }
  get hostAddress(): string {
    return `${this.prefix}.1`;
  }
  get fabricAddress(): string {
    return `${this.prefix}.2`;
  }
  /** The one interface that the host's own namespace gets. */
  get hostDevice(): string {
    return `chaoslab${this.subnet}`;
  }
  get fabricNamespace(): string {
    return `chaoslab-${this.lab}-fabric`;
  }

  address(place: Place): string {
    return `${this.prefix}.${OCTETS[place]}`;
  }
  url(node: NodeName): string {
    return `http://${this.address(node)}:${PORTS[node]}`;
  }
  namespace(place: Place): string {
    return `chaoslab-${this.lab}-${place}`;
  }
  /** Path of a place's network namespace. */
  netns(place: Place): string {
    return namespacePath(this.namespace(place));
  }
  get namespaces(): string[] {
    return [this.fabricNamespace, ...this.places.map((place) => this.namespace(place))];
  }

  /** The lab's place of this name. */
  find(name: string): Place | undefined {
    return this.places.find((place) => place === name);
  }

  /** The part of a target that is a matter of names and addresses. */
  networkTarget(place: Place): Pick<Target, "name" | "address" | "netns" | "device" | "fabric"> {
    return {
      name: place,
      address: this.address(place),
      netns: this.netns(place),
      device: "eth0",
      fabric: { netns: namespacePath(this.fabricNamespace), device: place },
    };
  }
}

export function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}

export function isPlace(name: string): name is Place {
  return PLACES.some((place) => place === name);
}
