import { PacedQueue, type PieceRule } from "../paced-queue.ts";
import type { Attributes, ToxicType } from "../toxic.ts";

type Name = "average_size" | "size_variation" | "delay";

/** An `average_size` of 0 cuts nothing. */
function slices(attributes: Attributes<Name>, random: () => number): PieceRule {
  const { average_size: average, size_variation: variation, delay } = attributes;
  return (available) => {
    const size = average === 0 ? available : Math.round(average + (random() * 2 - 1) * variation);
    return { bytes: Math.min(available, Math.max(1, size)), beforeMs: 0, afterMs: delay / 1_000 };
  };
}

/**
 * Cuts data into slices of `average_size` +/- `size_variation` bytes, uniformly, `delay` microseconds apart.
 * Delays below a millisecond hold on average: timers are no finer.
 */
export const slicer: ToxicType<Name> = {
  type: "slicer",
  attributes: ["average_size", "size_variation", "delay"],
  create(attributes, { next, random }) {
    const queue = new PacedQueue(next, slices(attributes, random));
    return {
      get held() {
        return queue.held;
      },
      write: (bytes) => queue.write(bytes),
      end: () => queue.end(),
      update: (changed) => queue.change(slices(changed, random)),
      remove: () => queue.change((available) => ({ bytes: available, beforeMs: 0, afterMs: 0 })),
      dispose: () => queue.dispose(),
    };
  },
};
