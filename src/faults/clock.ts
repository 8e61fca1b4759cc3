/**
 * `clock`: the time of day that the target's processes see is `offset_ms` ahead of the host's, or behind it when
 * negative. Monotonic clocks, timers, the host and all other nodes keep their time.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { vdso } from "./clock/vdso.ts";
import { defineFault } from "./fault.ts";

export const clock = defineFault({
  type: "clock",
  check({ target }) {
    if (target.cgroup === null)
      throw new ChaoslabError("badConfig", `clock: ${target.name} has no processes`);
  },
  backends: [vdso],
});
