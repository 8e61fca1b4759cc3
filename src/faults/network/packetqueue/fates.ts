/**
 * What becomes of each packet. Decided by its place in the queue alone, so that a seed repeats it.
 * @module
 */

import { seeded } from "../../../model/random.ts";
import { type Impairment, lossChain } from "../impairment.ts";
import { delays } from "./delays.ts";

export interface Fate {
  lost: boolean;
  duplicated: boolean;
  /** Where in the packet a bit is flipped, as a share of its bits in [0, 1); null: nowhere. */
  corruptedAt: number | null;
  /** Goes at once while others are delayed. */
  reordered: boolean;
  /** 0 for a packet that goes at once. */
  delayMs: number;
}

/** Each kind of decision draws from a generator of its own, so that one share does not change the others' outcomes. */
const LOSS = 0x10551055;
const DUPLICATE = 0x2d0b1e2d;
const CORRUPT = 0x3c0ffee3;
const REORDER = 0x4e04de44;

/** The sequence of fates that this seed gives. */
export function fates(what: Impairment, seed: number): () => Fate {
  const nextDelay = delays(what.delayMs, what.jitterMs, seed);
  const lost = losses(what, seed ^ LOSS);
  const duplicated = share(what.duplicatePercent, seed ^ DUPLICATE);
  const corrupted = share(what.corruptPercent, seed ^ CORRUPT);
  const position = seeded(seed ^ CORRUPT ^ LOSS);
  const reordered = share(what.reorderPercent, seed ^ REORDER);
  return () => {
    const atOnce = reordered();
    return {
      lost: lost(),
      duplicated: duplicated(),
      corruptedAt: corrupted() ? position() : null,
      reordered: atOnce,
      delayMs: atOnce ? 0 : nextDelay(),
    };
  };
}

/** True with this probability, independently. */
function share(percent: number, seed: number): () => boolean {
  if (percent === 0) return () => false;
  const uniform = seeded(seed);
  return () => uniform() * 100 < percent;
}

function losses({ lossPercent, correlationPercent }: Impairment, seed: number): () => boolean {
  if (lossPercent === 0) return () => false;
  const { afterLoss, afterPass } = lossChain(lossPercent, correlationPercent);
  const uniform = seeded(seed);
  let lost = false;
  return () => {
    lost = uniform() < (lost ? afterLoss : afterPass);
    return lost;
  };
}

/** Flips the bit at this share of the packet's bits, and tells which byte it is in. */
export function flipBit(packet: Uint8Array, at: number): number {
  const bit = Math.floor(at * packet.length * 8);
  packet[bit >> 3] = (packet[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return bit >> 3;
}

/**
 * True for a byte of an IPv4 packet's destination. Whoever gets such a packet throws it away for its bad header
 * checksum, but the router would look for a neighbour of that address first, and then tell the sender of it.
 */
export function isDestination(packet: Uint8Array, byte: number): boolean {
  return (packet[0] ?? 0) >> 4 === 4 && byte >= 16 && byte < 20;
}
