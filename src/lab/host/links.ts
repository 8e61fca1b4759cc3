/**
 * Who calls whom in the lab, and the proxies that may stand in between: pure data.
 * @module
 */
import { type NodeName, PORTS, PROXY_NODE, type Topology } from "./topology.ts";

/** Where a lab's proxies run. Null: there are none, and nodes talk directly. */
export type ProxyChoice = {
  /** An API that was there before the lab. Null: a node of the lab's own. */
  url: string | null;
} | null;

export interface Link {
  caller: NodeName;
  callee: NodeName;
}

const ORDERS = ["orders-1", "orders-2"] as const;
const STORES_AND_SERVICES = ["payments", "catalog", "pg-primary", "pg-replica", "redis"] as const;

/** Every connection that a service opens to another node. Replication is not one: it always goes directly. */
export const LINKS: readonly Link[] = [
  ...[...ORDERS, "catalog" as const].map((callee): Link => ({ caller: "api", callee })),
  ...ORDERS.flatMap((caller) => STORES_AND_SERVICES.map((callee): Link => ({ caller, callee }))),
  { caller: "catalog", callee: "pg-replica" },
  { caller: "catalog", callee: "redis" },
  { caller: "api", callee: "redis" },
];

/** Port of the first link's proxy; the others follow in the order of LINKS. Below the kernel's ephemeral ports. */
const FIRST_PORT = 20_001;

/** A proxy as Toxiproxy's POST /populate takes it, with the link it stands in. */
export interface LinkProxy {
  name: string;
  listen: string;
  upstream: string;
  link: Link;
}

/** The lab's proxies, in the order of LINKS; none where nodes talk directly. */
export function linkProxies(topology: Topology, choice: ProxyChoice): LinkProxy[] {
  if (!choice) return [];
  const own = choice.url === null;
  // A server of somebody else runs beside the lab and may serve others too: it is reached by way of the host.
  const host = own ? topology.address(PROXY_NODE) : topology.hostAddress;
  const prefix = own ? "" : `chaoslab-${topology.lab}-`;
  return LINKS.map((link, index) => ({
    name: `${prefix}${link.caller}-to-${link.callee}`,
    listen: `${host}:${FIRST_PORT + index}`,
    upstream: `${topology.address(link.callee)}:${PORTS[link.callee]}`,
    link,
  }));
}

/** `host:port` at which `caller` reaches `callee`: its proxy's, or the node's own. */
export function reachedAt(
  topology: Topology,
  choice: ProxyChoice,
  caller: NodeName,
  callee: NodeName,
): string {
  const proxy = linkProxies(topology, choice).find(
    ({ link }) => link.caller === caller && link.callee === callee,
  );
  return proxy?.listen ?? `${topology.address(callee)}:${PORTS[callee]}`;
}
