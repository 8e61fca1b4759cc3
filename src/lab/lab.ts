/**
 * A lab as experiments and commands see it, whatever made it: namespaces on this host, containers, or a system that was
 * there before.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import type { FaultSpec } from "../model/fault.ts";
import { nodesNamedBy } from "../model/params.ts";
import type { Target } from "./target.ts";

export type NodeState = "stopped" | "starting" | "ready" | "backoff";

/** One node as `status` shows it. */
export interface NodeStatus {
  name: string;
  state: NodeState;
  address: string;
  /** Null where nobody knows of one. */
  port: number | null;
  pid: number | null;
  /** Starts after the first one. */
  restarts: number;
  /** Unix epoch milliseconds of the last change of state. */
  since: number;
  /** How the last process ended, e.g. `signal SIGKILL`; null when none has. */
  last_exit: string | null;
}

export interface Seeded {
  orders: number;
  products: number;
  tenants: number;
}

/** What a lab of chaoslab's own system under test has beside its nodes. */
export interface Shop {
  api: string;
  /** What its database was seeded with: a load must ask for the same. */
  seeded: Seeded;
  /** Base URL by name of the services, which answer `PUT /mitigations`. */
  services: ReadonlyMap<string, string>;
  /** Base URL of the payments' ledger. */
  ledger: string;
  /** URLs of the databases, as the shop's own user. */
  primary: string;
  replica: string;
  /** The mitigations that its services begin with, when they are started again. */
  mitigationsFile: string;
}

/** Paths of what this host keeps about a lab. */
export interface LabFiles {
  journal: string;
  runLock: string;
}

/** What a fault acts on, and the other nodes that its params name. */
export interface Targets {
  target: Target;
  others: Record<string, Target>;
}

export interface Lab {
  readonly name: string;
  readonly paths: LabFiles;
  readonly nodeNames: readonly string[];
  /** What a fault may name: the nodes, and where the load comes from. */
  readonly places: readonly string[];
  /** Base URL by name of the nodes that serve metrics at /metrics. */
  readonly services: ReadonlyMap<string, string>;
  /** Who calls whom. */
  readonly links: readonly { caller: string; callee: string }[];
  /** Null for a system that is not chaoslab's own. */
  readonly shop: Shop | null;
  /** Whether connections between its nodes go through proxies, which toxics need. */
  hasProxies(): boolean | Promise<boolean>;
  /** What to do for it to have proxies. */
  readonly proxiesHint: string;
  /** False when its network is gone: then its addresses would leave this host, and nothing may be sent to them. */
  isReachable(): boolean;
  /** State of each node now. */
  nodes(timeoutMs?: number): Promise<NodeStatus[]>;
  /** @throws {ChaoslabError} `notFound` for a node that is not there, `busy` for one that does not run. */
  target(name: string): Target | Promise<Target>;
  /** Every node that a fault names. @throws {ChaoslabError} as `target` does. */
  targetsOf(fault: FaultSpec): Targets | Promise<Targets>;
  /** Words put before a command to run it where the load comes from. */
  clientPrefix(): readonly string[] | Promise<readonly string[]>;
  /** The last lines that a node has logged, oldest first. */
  logTail(node: string, lines: number): string[] | Promise<string[]>;
}

/** The nodes of a fault, for a lab that has to look them up. */
export async function lookUpTargets(
  lab: Pick<Lab, "target">,
  { target, params }: FaultSpec,
): Promise<Targets> {
  const others: Record<string, Target> = {};
  for (const { node } of nodesNamedBy(params)) others[node] = await lab.target(node);
  return { target: await lab.target(target), others };
}

/** @throws {ChaoslabError} `badConfig` in a lab whose nodes talk directly. */
export async function requireProxies(lab: Lab): Promise<void> {
  if (await lab.hasProxies()) return;
  throw new ChaoslabError("badConfig", `lab ${lab.name} has no proxies`, lab.proxiesHint);
}

/** @throws {ChaoslabError} `badConfig` where only chaoslab's own system under test will do. */
export function shopOf({ name, shop }: Pick<Lab, "name" | "shop">, what: string): Shop {
  if (shop) return shop;
  throw new ChaoslabError("badConfig", `${what}: lab ${name} is not chaoslab's own system under test`);
}

export const noSuchNode = (lab: Pick<Lab, "name" | "places">, node: string): ChaoslabError =>
  new ChaoslabError(
    "notFound",
    `no node ${JSON.stringify(node)} in lab ${lab.name}`,
    `nodes: ${lab.places.join(", ")}`,
  );

/** A node that is not there. */
export const stoppedNode = (name: string, address: string, port: number | null): NodeStatus => ({
  name,
  state: "stopped",
  address,
  port,
  pid: null,
  restarts: 0,
  since: 0,
  last_exit: null,
});
