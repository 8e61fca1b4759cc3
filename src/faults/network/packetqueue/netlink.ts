/**
 * The nfnetlink_queue protocol as bytes, after <linux/netlink.h>, <linux/netfilter/nfnetlink.h> and
 * <linux/netfilter/nfnetlink_queue.h>. Headers are in host byte order (little endian wherever Bun runs),
 * the contents of attributes in network byte order.
 * @module
 */

/** NFNL_SUBSYS_QUEUE << 8, to which the message number is added. */
const SUBSYSTEM = 3 << 8;
const MSG_PACKET = SUBSYSTEM | 0;
const MSG_VERDICT = SUBSYSTEM | 1;
const MSG_CONFIG = SUBSYSTEM | 2;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

const NLMSGHDR = 16;
const NFGENMSG = 4;
const NLATTR = 4;
const NFQA_PACKET_HDR = 1;
const NFQA_VERDICT_HDR = 2;
const NFQA_PAYLOAD = 10;

/** Verdicts. */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;

const align = (length: number): number => (length + 3) & ~3;

export interface Attribute {
  type: number;
  value: readonly number[];
}

const be32 = (value: number): number[] => [
  (value >>> 24) & 255,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

/** NFQA_CFG_CMD with NFQNL_CFG_CMD_BIND: become the queue's listener. */
export const BIND: Attribute = { type: 1, value: [1, 0, 0, 0] };
/** NFQA_CFG_PARAMS: no payload (NFQNL_COPY_META), as a packet is held but never read. */
export const COPY_META: Attribute = { type: 2, value: [...be32(0), 1] };
/** NFQA_CFG_PARAMS: the whole packet (NFQNL_COPY_PACKET), from its IP header on. */
export const COPY_PACKET: Attribute = { type: 2, value: [...be32(0xffff), 2] };
/** NFQA_CFG_QUEUE_MAXLEN: packets held at most, above which they pass. */
export const maxLength = (packets: number): Attribute => ({ type: 3, value: be32(packets) });

/** Pass packets rather than drop them when the queue or the socket is full. */
const F_FAIL_OPEN = 1;
/** Hand a GSO packet over whole, rather than cut into segments and queued one by one. */
const F_GSO = 4;
/** NFQA_CFG_MASK and NFQA_CFG_FLAGS. */
const flags = (set: number): readonly Attribute[] => [
  { type: 4, value: be32(F_FAIL_OPEN | F_GSO) },
  { type: 5, value: be32(set) },
];
export const FLAGS = flags(F_FAIL_OPEN | F_GSO);
/**
 * Every packet as it would be on a wire: the kernel cuts GSO packets into segments and, before it copies one, fills in
 * the checksum that a device would have (nfqnl_enqueue_packet, nfqnl_build_packet_message).
 */
export const FLAGS_SEGMENTED = flags(F_FAIL_OPEN);

/** An NFQNL_MSG_CONFIG for one queue, to be acknowledged. */
export function configMessage(queue: number, sequence: number, attributes: readonly Attribute[]): Uint8Array {
  const length = attributes.reduce(
    (sum, { value }) => sum + align(NLATTR + value.length),
    NLMSGHDR + NFGENMSG,
  );
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  writeHeaders(view, 0, length, MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK, sequence, queue);
  let at = NLMSGHDR + NFGENMSG;
  for (const { type, value } of attributes) {
    view.setUint16(at, NLATTR + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + NLATTR);
    at += align(NLATTR + value.length);
  }
  return bytes;
}

function writeHeaders(
  view: DataView,
  at: number,
  length: number,
  type: number,
  flags: number,
  sequence: number,
  queue: number,
): void {
  view.setUint32(at, length, true);
  view.setUint16(at + 4, type, true);
  view.setUint16(at + 6, flags, true);
  view.setUint32(at + 8, sequence, true);
  view.setUint32(at + 12, 0, true);
  // nfgenmsg: family unspecified, version 0, the queue number as res_id in network order.
  view.setUint16(at + 16, 0, true);
  view.setUint16(at + 18, queue, false);
}

/** Size of one verdict message in bytes. */
export const VERDICT_BYTES = NLMSGHDR + NFGENMSG + NLATTR + 8;

/**
 * Writes an NFQNL_MSG_VERDICT on one packet. Several, one after the other, may go to the kernel in one send: it works
 * through them in order (net/netlink/af_netlink.c, netlink_rcv_skb).
 */
export function writeVerdict(
  view: DataView,
  at: number,
  queue: number,
  packetId: number,
  verdict: number,
): void {
  writeVerdictOf(view, at, VERDICT_BYTES, queue, packetId, verdict);
}

export function writeAccept(view: DataView, at: number, queue: number, packetId: number): void {
  writeVerdict(view, at, queue, packetId, NF_ACCEPT);
}

/**
 * An NFQNL_MSG_VERDICT that lets another packet go in this one's place. The kernel marks it as not checked by any
 * device (nfqnl_mangle: CHECKSUM_NONE), so that the receiver checks it.
 */
export function acceptAs(queue: number, packetId: number, packet: Uint8Array): Uint8Array {
  const length = VERDICT_BYTES + align(NLATTR + packet.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  writeVerdictOf(view, 0, length, queue, packetId, NF_ACCEPT);
  view.setUint16(VERDICT_BYTES, NLATTR + packet.length, true);
  view.setUint16(VERDICT_BYTES + 2, NFQA_PAYLOAD, true);
  bytes.set(packet, VERDICT_BYTES + NLATTR);
  return bytes;
}

function writeVerdictOf(
  view: DataView,
  at: number,
  length: number,
  queue: number,
  packetId: number,
  verdict: number,
): void {
  writeHeaders(view, at, length, MSG_VERDICT, NLM_F_REQUEST, 0, queue);
  view.setUint16(at + 20, NLATTR + 8, true);
  view.setUint16(at + 22, NFQA_VERDICT_HDR, true);
  view.setUint32(at + 24, verdict, false);
  view.setUint32(at + 28, packetId, false);
}

export interface MessageHandlers {
  /** The payload is a part of the view; empty unless the queue copies packets. */
  onPacket(packetId: number, payloadAt: number, payloadLength: number): void;
  /** An acknowledgement (errno 0) or an error (positive errno) for the message of this sequence number. */
  onAck?(sequence: number, errno: number): void;
}

/** Reads the messages of one datagram. Anything unknown or cut off is skipped. */
export function readMessages(view: DataView, length: number, handlers: MessageHandlers): void {
  let at = 0;
  while (at + NLMSGHDR <= length) {
    const size = view.getUint32(at, true);
    if (size < NLMSGHDR || at + size > length) return;
    const type = view.getUint16(at + 4, true);
    if (type === MSG_PACKET) {
      readPacket(view, at + NLMSGHDR + NFGENMSG, at + size, handlers);
    } else if (type === NLMSG_ERROR && size >= NLMSGHDR + 4) {
      handlers.onAck?.(view.getUint32(at + 8, true), Math.abs(view.getInt32(at + NLMSGHDR, true)));
    }
    at += align(size);
  }
}

function readPacket(view: DataView, from: number, end: number, { onPacket }: MessageHandlers): void {
  let id: number | null = null;
  let payloadAt = 0;
  let payloadLength = 0;
  for (let at = from; at + NLATTR <= end; ) {
    const size = view.getUint16(at, true);
    if (size < NLATTR || at + size > end) break;
    const type = view.getUint16(at + 2, true) & 0x3fff;
    if (type === NFQA_PACKET_HDR && size >= NLATTR + 4) id = view.getUint32(at + NLATTR, false);
    if (type === NFQA_PAYLOAD) {
      payloadAt = at + NLATTR;
      payloadLength = size - NLATTR;
    }
    at += align(size);
  }
  if (id !== null) onPacket(id, payloadAt, payloadLength);
}
