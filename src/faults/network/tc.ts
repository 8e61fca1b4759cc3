/**
 * tc(8) as data: argument vectors of the netem backend, and what `tc -j` answers.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError } from "../../cli/errors.ts";
import { type Impairment, lossChain } from "./impairment.ts";

/**
 * Major numbers of our root qdiscs are even numbers of this range; the child of a classful root has the
 * odd one after. Below 0x8000, from where the kernel numbers qdiscs that are given no handle
 * (net/sched/sch_api.c, qdisc_alloc_handle).
 */
const OWN_FIRST = 0x7000;
const OWN_LAST = 0x7fff;

/** Handle of the root qdisc of one fault, e.g. `7a3c:`. Differs from fault to fault, so that a stale undo misses. */
export function rootHandle(id: string): string {
  const slot = Bun.hash.crc32(id) % ((OWN_LAST - OWN_FIRST + 1) / 2);
  return `${(OWN_FIRST + 2 * slot).toString(16)}:`;
}

/** Handle of the qdisc below a classful root. */
export function childHandle(root: string): string {
  return `${(Number.parseInt(root, 16) + 1).toString(16)}:`;
}

export function isOwnHandle(handle: string): boolean {
  const major = Number.parseInt(handle, 16);
  return major >= OWN_FIRST && major <= OWN_LAST;
}

/** `1500us`. tc takes fractions of a millisecond only as text; whole microseconds leave no doubt. */
const micros = (ms: number): string => `${Math.round(ms * 1000)}us`;

/** Packet rate that netem's queue is sized for, per second. */
const SIZED_FOR_PPS = 100_000;

/**
 * Arguments of `netem`. `limit` is the number of packets held at once, above which netem drops: twice what
 * arrives during one delay, where netem's own default of 1000 would drop at 10 000 packets/s and 100 ms.
 */
export function netemDelay(delayMs: number, jitterMs: number): string[] {
  const limit = Math.max(10_000, Math.ceil(2 * SIZED_FOR_PPS * ((delayMs + jitterMs) / 1000)));
  return [
    "netem",
    "delay",
    micros(delayMs),
    ...(jitterMs > 0 ? [micros(jitterMs)] : []),
    "limit",
    `${limit}`,
  ];
}

/**
 * Arguments of `netem` for everything that it can do. Loss in bursts is `gemodel` with every packet of the bad state
 * lost and none of the good one, see {@link lossChain}. `corrupt` flips one bit after the checksum is filled in, and
 * `reorder` sends its share at once, ahead of what the delay holds (net/sched/sch_netem.c, netem_enqueue).
 */
export function netemArguments(what: Impairment): string[] {
  return [
    ...netemDelay(what.delayMs, what.jitterMs),
    ...netemLoss(what),
    ...(what.duplicatePercent > 0 ? ["duplicate", percent(what.duplicatePercent)] : []),
    ...(what.corruptPercent > 0 ? ["corrupt", percent(what.corruptPercent)] : []),
    ...(what.reorderPercent > 0 ? ["reorder", percent(what.reorderPercent)] : []),
  ];
}

/** `0.5%`; never with an exponent. netem itself rounds to 2^-32. */
const percent = (value: number): string => `${Number(value.toFixed(6))}%`;

function netemLoss({ lossPercent, correlationPercent }: Impairment): string[] {
  if (lossPercent === 0) return [];
  if (correlationPercent === 0) return ["loss", "random", percent(lossPercent)];
  const { afterLoss, afterPass } = lossChain(lossPercent, correlationPercent);
  const toBad = percent(afterPass * 100);
  const toGood = percent((1 - afterLoss) * 100);
  return ["loss", "gemodel", toBad, toGood, "100%", "0%"];
}

/**
 * Bands by priority as pfifo_fast has them (prio's default, 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1), which leaves the
 * fourth band to the filter alone.
 */
const PRIO = ["prio", "bands", "4", "priomap", ..."1222120011111111"];

/** In place of a peer's address: every IPv4 packet, but no ARP. */
export const ALL_IPV4 = "0.0.0.0/0";

/**
 * Argument vectors that put netem on the device's egress: for all packets (null), or for those with one address as
 * their destination (or source).
 */
export function addNetem(
  device: string,
  root: string,
  netem: readonly string[],
  peer: string | null,
  peerField: "dst" | "src" = "dst",
): string[][] {
  const on = ["dev", device];
  if (peer === null) return [["tc", "qdisc", "add", ...on, "root", "handle", root, ...netem]];
  const band = `${root}4`;
  const match = ["u32", "match", "ip", peerField, peer === ALL_IPV4 ? peer : `${peer}/32`];
  return [
    ["tc", "qdisc", "add", ...on, "root", "handle", root, ...PRIO],
    ["tc", "qdisc", "add", ...on, "parent", band, "handle", childHandle(root), ...netem],
    // Last: until the filter is there, nothing reaches the fourth band.
    ["tc", "filter", "add", ...on, "parent", root, "protocol", "ip", "prio", "1", ...match, "flowid", band],
  ];
}

export const deleteRoot = (device: string, root: string): string[] => [
  "tc",
  "qdisc",
  "del",
  "dev",
  device,
  "root",
  "handle",
  root,
];

const Qdisc = Type.Object({
  kind: Type.String(),
  handle: Type.String(),
  dev: Type.String(),
  root: Type.Optional(Type.Boolean()),
  bytes: Type.Optional(Type.Number()),
  packets: Type.Optional(Type.Number()),
  drops: Type.Optional(Type.Number()),
  /** Times that a packet had to wait for its turn. */
  overlimits: Type.Optional(Type.Number()),
});
export type Qdisc = Static<typeof Qdisc>;

/** Parses `tc -s -j qdisc show`. */
export function parseQdiscs(json: string): Qdisc[] {
  const answer: unknown = json.trim() === "" ? [] : JSON.parse(json);
  if (Value.Check(Type.Array(Qdisc), answer)) return answer;
  throw new ChaoslabError("internal", `tc -j qdisc show: unknown answer: ${json.slice(0, 80)}`);
}

/** Kinds of root qdisc that faults make. */
const OWN_ROOTS = ["netem", "prio", "tbf", "htb"];

export type RootState = "free" | "ours" | "foreign";

/**
 * Whose the device's root qdisc is. The kernel's defaults (noqueue, pfifo_fast, fq_codel, mq) carry handle 0 and
 * may be displaced: they come back when ours is deleted.
 */
export function rootState(qdiscs: readonly Qdisc[], device: string): RootState {
  const root = qdiscs.find((each) => each.dev === device && each.root === true);
  if (!root || root.handle === "0:") return "free";
  return isOwnHandle(root.handle) && OWN_ROOTS.includes(root.kind) ? "ours" : "foreign";
}

/** True when the root qdisc is the one that this fault made. */
export function hasRoot(qdiscs: readonly Qdisc[], device: string, kind: string, handle: string): boolean {
  return qdiscs.some(
    (each) => each.dev === device && each.root === true && each.kind === kind && each.handle === handle,
  );
}
