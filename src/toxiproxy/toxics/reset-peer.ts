import { LONGEST_TIMER_MS } from "../delay-line.ts";
import type { ToxicType } from "../toxic.ts";

/**
 * Resets the connection `timeout` milliseconds after the first data, or the FIN, that comes this way.
 * Everything from then on is dropped. An update moves an instant that is already set; a removal takes it back
 * by closing instead, since data is missing.
 */
export const resetPeer: ToxicType<"timeout"> = {
  type: "reset_peer",
  attributes: ["timeout"],
  create(attributes, { close, reset }) {
    let timeoutMs = attributes.timeout;
    let triggeredAt: number | null = null;
    let timer: NodeJS.Timeout | null = null;
    const stop = (): void => {
      if (timer) clearTimeout(timer);
      timer = null;
    };
    const arm = (): void => {
      if (triggeredAt === null) return;
      stop();
      const waitMs = triggeredAt + timeoutMs - performance.now();
      if (waitMs <= 0) reset();
      else timer = setTimeout(reset, Math.min(waitMs, LONGEST_TIMER_MS));
    };
    const trigger = (): void => {
      if (triggeredAt !== null) return;
      triggeredAt = performance.now();
      arm();
    };
    return {
      held: 0,
      write: trigger,
      end: trigger,
      update: (changed) => {
        timeoutMs = changed.timeout;
        arm();
      },
      remove: () => {
        stop();
        if (triggeredAt !== null) close();
      },
      dispose: stop,
    };
  },
};
