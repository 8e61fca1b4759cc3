import { DelayLine } from "../delay-line.ts";
import type { Attributes, ToxicType } from "../toxic.ts";

/** Data passes at once; the FIN after it comes `delay` milliseconds later. */
export const slowClose: ToxicType<"delay"> = {
  type: "slow_close",
  attributes: ["delay"],
  create(attributes, { next }) {
    const rule =
      ({ delay }: Attributes<"delay">) =>
      (isEnd: boolean): number =>
        isEnd ? delay : 0;
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
