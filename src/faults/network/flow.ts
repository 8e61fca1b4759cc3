/**
 * Which packets a fault acts on, and where they pass.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import type { Target } from "../../lab/target.ts";
import type { FaultRequest } from "../fault.ts";
import { ANY_DETOUR, type Detour, detourDevice } from "./detour.ts";

/** `egress`: what the target sends. `ingress`: what reaches it. */
export type Direction = "egress" | "ingress";

/** Packets by their IPv4 addresses; null: any. */
export interface Flow {
  source: string | null;
  destination: string | null;
}

/** The target's packets of one direction: all of them, or those exchanged with the peer. */
export function flowOf(target: Target, peer: Target | null, direction: Direction): Flow {
  const other = peer?.address ?? null;
  return direction === "egress"
    ? { source: target.address, destination: other }
    : { source: other, destination: target.address };
}

/** A chain of iptables' mangle table, and the device that its packets come by or leave by; null: any. */
export interface Hook {
  netns: string;
  chain: "FORWARD" | "INPUT";
  device: string | null;
}

/**
 * Where the target's packets of one direction are met: in the fabric, or, where there is none, in its own namespace, what
 * it sends on a detour.
 */
export function hookOf(target: Target, direction: Direction): Hook {
  if (target.fabric) return { netns: target.fabric.netns, chain: "FORWARD", device: null };
  return direction === "egress"
    ? { netns: ownNetns(target), chain: "FORWARD", device: ANY_DETOUR }
    : { netns: ownNetns(target), chain: "INPUT", device: target.device };
}

/** The detour that a fault with these directions needs; null when it needs none. */
export function detourOf(
  { id, target }: Pick<FaultRequest<unknown>, "id" | "target">,
  directions: readonly Direction[],
): Detour | null {
  if (target.fabric || !directions.includes("egress")) return null;
  return { way: "out", from: target.device, device: detourDevice(id) };
}

function ownNetns({ name, netns }: Target): string {
  if (netns !== null) return netns;
  throw new ChaoslabError(
    "badConfig",
    `${name}: it has no network of its own, and this host's is not for disturbing`,
    "faults of the network need a node in a namespace or a container of its own",
  );
}

/** A device through whose queueing discipline all packets of one direction leave, and where a peer's address stands in them. */
export interface Outlet {
  netns: string;
  device: string;
  peerField: "dst" | "src";
  /** What leads them there; null: nothing needs to. */
  detour: Detour | null;
}

/**
 * Qdiscs act on egress: what reaches the target leaves the fabric by the fabric's end of the target's link. Without a
 * fabric it is sent through an intermediate functional block of the target's namespace, named after the fault.
 */
export function outletOf(target: Target, direction: Direction, id: string): Outlet {
  const { device, fabric } = target;
  if (direction === "ingress" && fabric) return { ...fabric, peerField: "src", detour: null };
  const netns = ownNetns(target);
  if (direction === "egress") return { netns, device, peerField: "dst", detour: null };
  const detour: Detour = { way: "in", from: device, device: detourDevice(id) };
  return { netns, device: detour.device, peerField: "src", detour };
}

/** The only node that a network fault concerns; null when it concerns every one. */
export function peerOf({
  params: { peer },
  others,
}: Pick<FaultRequest<{ peer?: string }>, "params" | "others">): Target | null {
  return peer === undefined ? null : (others[peer] ?? null);
}

/** The rule about a peer that every network fault has, as its `check`. */
export function checkPeer(type: string) {
  return ({ params, target }: FaultRequest<{ peer?: string }>): void => {
    if (params.peer === target.name) {
      throw new ChaoslabError("badConfig", `${type}: ${target.name} cannot be its own peer`);
    }
  };
}
