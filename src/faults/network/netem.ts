/**
 * Packet-level faults by netem: on the egress of the target's own device for what it sends, on the egress of the
 * fabric's end of its link for what reaches it. A delay without a peer affects everything, ARP included: a neighbour's
 * first packet may take it twice. All else spares ARP, or a total loss one way would soon end the other way too.
 *
 * netem draws from a generator of its own, so that a seed has no effect, and on the target's own device it decides once
 * for a GSO packet, which stands for up to 64 KiB of segments; only `corrupt` looks at each segment.
 * @module
 */
import type { Evidence } from "../../model/fault.ts";
import type { FaultRequest } from "../fault.ts";
import { peerOf } from "./flow.ts";
import { type Impairment, impairmentOf, type PacketParams } from "./impairment.ts";
import { rootQdiscBackend } from "./root-qdisc.ts";
import { ALL_IPV4, addNetem, childHandle, netemArguments, type Qdisc } from "./tc.ts";

export const netem = rootQdiscBackend<PacketParams>({
  name: "netem",
  rootKind: (request) => (matched(request) === null ? "netem" : "prio"),
  commands: (request, { device, peerField }, root) =>
    addNetem(device, root, netemArguments(impairmentOf(request.params)), matched(request), peerField),
  evidence(request, qdiscs, { device }, root) {
    const handle = matched(request) === null ? root : childHandle(root);
    return evidence(qdiscs, device, handle, impairmentOf(request.params));
  },
});

/** The address that packets are told by; null when all are meant. */
function matched(request: FaultRequest<PacketParams>): string | null {
  const peer = peerOf(request);
  if (peer) return peer.address;
  const { lossPercent, duplicatePercent, corruptPercent } = impairmentOf(request.params);
  return lossPercent + duplicatePercent + corruptPercent > 0 ? ALL_IPV4 : null;
}

/**
 * What the counters of the netem qdisc with this handle say. It counts what it let go and what it dropped, by loss or
 * for want of room; not how long it held a packet, nor what it duplicated, corrupted or reordered.
 */
export function evidence(all: readonly Qdisc[], device: string, handle: string, what?: Impairment): Evidence {
  const qdisc = all.find((each) => each.dev === device && each.kind === "netem" && each.handle === handle);
  const { bytes = 0, packets = 0, drops = 0 } = qdisc ?? {};
  const onlyLoses = what !== undefined && what.lossPercent > 0 && what.delayMs === 0;
  return {
    landed: onlyLoses ? drops > 0 : packets > 0,
    measures: {
      packets: onlyLoses ? packets + drops : packets,
      dropped_packets: drops,
      ...(what !== undefined && what.lossPercent > 0 ? { lost_packets: drops } : {}),
    },
    detail: qdisc
      ? `netem ${handle} on ${device} let go ${packets} packets (${bytes} bytes), dropped ${drops}`
      : `netem ${handle} is no longer on ${device}`,
  };
}
