import { PacedQueue, type PieceRule } from "../paced-queue.ts";
import type { Attributes, ToxicType } from "../toxic.ts";

/** A piece is at most what the rate allows in this time: short enough to look like a thin line. */
const QUANTUM_MS = 10;

/** Timers are late by a millisecond or two, in which a fast sender has emptied the queue. */
const CREDIT_MS = 3;

/** `rate` is in KB/s of 1000 bytes, which is bytes per millisecond. At 0 nothing passes, and nothing is lost. */
function pieces({ rate }: Attributes<"rate">): PieceRule {
  return (available) => {
    const bytes = Math.min(available, Math.max(1, rate * QUANTUM_MS));
    return { bytes, beforeMs: rate > 0 ? bytes / rate : Number.POSITIVE_INFINITY, afterMs: 0 };
  };
}

/** Data passes at no more than `rate`. */
export const bandwidth: ToxicType<"rate"> = {
  type: "bandwidth",
  attributes: ["rate"],
  // Enough for 100 MB/s from one timer to the next, with room to spare.
  capacity: 1024 * 1024,
  create(attributes, { next }) {
    const queue = new PacedQueue(next, pieces(attributes), CREDIT_MS);
    return {
      get held() {
        return queue.held;
      },
      write: (bytes) => queue.write(bytes),
      end: () => queue.end(),
      update: (changed) => queue.change(pieces(changed)),
      remove: () => queue.change((available) => ({ bytes: available, beforeMs: 0, afterMs: 0 })),
      dispose: () => queue.dispose(),
    };
  },
};
