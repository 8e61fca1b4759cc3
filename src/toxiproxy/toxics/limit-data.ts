import type { ToxicType } from "../toxic.ts";

/**
 * Passes the first `bytes` of a connection and closes it. What has passed is remembered over updates; a limit
 * lowered below it, or of 0, closes at the next data.
 */
export const limitData: ToxicType<"bytes"> = {
  type: "limit_data",
  attributes: ["bytes"],
  create(attributes, { next, close }) {
    let limit = attributes.bytes;
    let passed = 0;
    return {
      held: 0,
      write: (bytes) => {
        const allowed = Math.min(bytes.length, Math.max(0, limit - passed));
        passed += allowed;
        if (allowed > 0) next.write(bytes.subarray(0, allowed));
        if (passed >= limit) close();
      },
      end: () => next.end(),
      update: (changed) => {
        limit = changed.bytes;
      },
      remove: () => {},
      dispose: () => {},
    };
  },
};
