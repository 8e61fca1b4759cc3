/** The stop condition, watched while the fault is active. @module */
import { countsOf } from "../load/counts.ts";
import type { LoadTick } from "../model/load.ts";
import type { StopCondition } from "../model/schedule.ts";
import { meets, SLIS, type SliName } from "../model/sli.ts";
import { sliOf } from "./history.ts";
import { threshold } from "./schedule-file.ts";

/**
 * Judges each tick by the requests that ended in it, since that is what can be known at the time. A tick in
 * which nothing ended neither starts a breach nor ends one: a system that stopped answering is no better.
 */
export class StopWatch {
  #breached = 0;
  readonly #sli: SliName;
  readonly #limit: ReturnType<typeof threshold>;

  constructor(
    readonly condition: StopCondition,
    readonly timeoutMs: number,
  ) {
    this.#sli = condition.sli;
    this.#limit = threshold(condition.threshold, condition.sli);
  }

  /** True when the breach has now lasted long enough to stop. */
  tick(tick: LoadTick): boolean {
    const value = sliOf(countsOf(tick.deltas, SLIS[this.#sli].operation), this.#sli, this.timeoutMs);
    if (value === null) {
      if (this.#breached > 0) this.#breached++;
    } else {
      this.#breached = meets(value, this.#limit) ? this.#breached + 1 : 0;
    }
    return this.#breached >= this.condition.for_s;
  }
}
