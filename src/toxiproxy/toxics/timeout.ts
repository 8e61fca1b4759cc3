import { LONGEST_TIMER_MS } from "../delay-line.ts";
import type { ToxicType } from "../toxic.ts";

/**
 * Drops all data, and closes the connection `timeout` milliseconds after it took hold. At 0 it never does.
 * A FIN passes. Removing the toxic closes the connection: a stream with a hole in it must not go on.
 */
export const timeout: ToxicType<"timeout"> = {
  type: "timeout",
  attributes: ["timeout"],
  create(attributes, { next, close }) {
    let timer: NodeJS.Timeout | null = null;
    const stop = (): void => {
      if (timer) clearTimeout(timer);
      timer = null;
    };
    const arm = (ms: number): void => {
      stop();
      if (ms > 0) timer = setTimeout(close, Math.min(ms, LONGEST_TIMER_MS));
    };
    arm(attributes.timeout);
    return {
      held: 0,
      write: () => {},
      end: () => {
        stop();
        next.end();
      },
      update: (changed) => arm(changed.timeout),
      remove: () => {
        stop();
        close();
      },
      dispose: stop,
    };
  },
};
