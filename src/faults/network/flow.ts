/**
 * Which packets a fault acts on, and where they pass.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import type { Target } from "../../lab/target.ts";
import type { FaultRequest } from "../fault.ts";

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

/** A device through whose queueing discipline all packets of one direction leave, and where a peer's address stands in them. */
export interface Outlet {
  netns: string;
  device: string;
  peerField: "dst" | "src";
}

/** Qdiscs act on egress: what reaches the target leaves the fabric by the fabric's end of the target's link. */
export function outletOf(target: Target, direction: Direction): Outlet {
  return direction === "egress"
    ? { netns: target.netns, device: target.device, peerField: "dst" }
    : { netns: target.fabric.netns, device: target.fabric.device, peerField: "src" };
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
