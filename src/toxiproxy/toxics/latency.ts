import { DelayLine } from "../delay-line.ts";
import type { Attributes, ToxicType } from "../toxic.ts";

type Name = "latency" | "jitter";

/**
 * Each piece arrives `latency` +/- `jitter` milliseconds later, uniformly, and none overtakes another on its
 * connection. Throughput is kept up to `capacity` per latency: 40 MB/s at 100 ms.
 */
export const latency: ToxicType<Name> = {
  type: "latency",
  attributes: ["latency", "jitter"],
  capacity: 4 * 1024 * 1024,
  create(attributes, { next, random }) {
    // The FIN is no data: it only stays behind it.
    const rule =
      (each: Attributes<Name>) =>
      (isEnd: boolean): number =>
        isEnd ? 0 : Math.max(0, each.latency + (random() * 2 - 1) * each.jitter);
    const line = new DelayLine(next, rule(attributes));
    return {
      get held() {
        return line.held;
      },
      write: (bytes) => line.write(bytes),
      end: () => line.end(),
      update: (changed) => line.change(rule(changed)),
      remove: () => line.change(() => 0),
      dispose: () => line.dispose(),
    };
  },
};
