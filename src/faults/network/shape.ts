/**
 * A bottleneck of a given rate: a token bucket on the device's egress, TBF, for all packets or, below an HTB that tells
 * them apart, for those of one peer. Packets beyond the rate wait in a queue; what does not fit is dropped at its tail.
 * @module
 */
import type { Evidence } from "../../model/fault.ts";
import type { BandwidthParams } from "../../model/params.ts";
import { type Outlet, peerOf } from "./flow.ts";
import { rootQdiscBackend } from "./root-qdisc.ts";
import { childHandle, type Qdisc } from "./tc.ts";

/** Largest frame of an ordinary link, header included, in bytes. */
const FRAME_BYTES = 1514;
/** What may leave at once after a pause: more than one frame, or no frame would ever leave. */
const BURST_MS = 10;
/** How long a full queue takes to leave: what a router of that era buffers. At least ten frames. */
const QUEUE_MS = 100;

/** Sizes in bytes of the bucket and of the queue behind it. 1 kbit/s is 1000 bit/s, so 1 ms of it 1/8 byte. */
export function bucket(rateKbit: number): { burst: number; queue: number } {
  const during = (ms: number): number => Math.ceil((rateKbit * ms) / 8);
  return {
    burst: Math.max(2_000, during(BURST_MS)),
    queue: Math.max(10 * FRAME_BYTES, during(QUEUE_MS)),
  };
}

/** GSO packets larger than the bucket are cut into segments first (sch_tbf.c, tbf_segment). */
function tbfOf(rateKbit: number): string[] {
  const { burst, queue } = bucket(rateKbit);
  return ["tbf", "rate", `${rateKbit}kbit`, "burst", `${burst}b`, "limit", `${queue}b`];
}

/** Root TBF. */
export function addTbf(device: string, root: string, rateKbit: number): string[][] {
  return [["tc", "qdisc", "add", "dev", device, "root", "handle", root, ...tbfOf(rateKbit)]];
}

/** Twice what a fault may ask for. */
const NO_LIMIT = "20gbit";

/**
 * Root HTB with one class. Packets that no filter sends to it pass at once (`default 0`), unless all shall take it.
 * The class itself does not limit: HTB cuts no GSO packet into segments, and one that is larger than a slow queue is
 * dropped whole, again and again, so that of 1 Mbit/s TCP got a tenth.
 * `quantum` only matters between classes; naming it keeps HTB from complaining in the kernel's log.
 */
export function addHtb(
  { device, peerField }: Outlet,
  root: string,
  rateKbit: number,
  peer: string | null,
): string[][] {
  const on = ["dev", device];
  const flow = `${root}1`;
  const rate = ["rate", NO_LIMIT, "quantum", `${FRAME_BYTES}`];
  const add = [
    ["tc", "qdisc", "add", ...on, "root", "handle", root, "htb", "default", peer === null ? "1" : "0"],
    ["tc", "class", "add", ...on, "parent", root, "classid", flow, "htb", ...rate],
    ["tc", "qdisc", "add", ...on, "parent", flow, "handle", childHandle(root), ...tbfOf(rateKbit)],
  ];
  if (peer === null) return add;
  const match = ["u32", "match", "ip", peerField, `${peer}/32`];
  return [
    ...add,
    ["tc", "filter", "add", ...on, "parent", root, "protocol", "ip", "prio", "1", ...match, "flowid", flow],
  ];
}

export const tbf = rootQdiscBackend<BandwidthParams>({
  name: "tbf",
  unfit: (request) => (peerOf(request) ? "shapes a whole device, not one peer" : null),
  rootKind: () => "tbf",
  commands: ({ params }, { device }, root) => addTbf(device, root, params.rate_kbit),
  evidence: (_, qdiscs, { device }, root) => shaped(qdiscs, device, root, root),
});

export const htb = rootQdiscBackend<BandwidthParams>({
  name: "htb",
  rootKind: () => "htb",
  commands: (request, outlet, root) =>
    addHtb(outlet, root, request.params.rate_kbit, peerOf(request)?.address ?? null),
  evidence: (_, qdiscs, { device }, root) => shaped(qdiscs, device, root, childHandle(root)),
});

/** `bucket`: handle of the TBF, which is the root or below it. */
export function shaped(all: readonly Qdisc[], device: string, root: string, bucket: string): Evidence {
  const at = (handle: string): Qdisc | undefined =>
    all.find((each) => each.dev === device && each.handle === handle);
  const { packets = 0, bytes = 0, drops = 0, overlimits = 0 } = at(bucket) ?? {};
  return {
    // Traffic below the rate is not shaped: then nothing has happened.
    landed: overlimits + drops > 0,
    measures: { packets, bytes, dropped_packets: drops, overlimits },
    detail: at(root)
      ? `${at(root)?.kind} ${root} on ${device} let go ${packets} packets (${bytes} bytes), ` +
        `made packets wait ${overlimits} times, dropped ${drops}`
      : `${root} is no longer on ${device}`,
  };
}
