/** What ends a fault before its time, watched once a second while it is active. @module */
import { countsOf } from "../load/counts.ts";
import type { LoadTick } from "../model/load.ts";
import type { StopCondition } from "../model/schedule.ts";
import { type LoadSli, meets, type Sli, type Threshold, threshold } from "../model/sli.ts";
import type { Stopped } from "../model/verdict.ts";
import { badOf } from "./budget.ts";
import { measureOf } from "./history.ts";

/** A server's SLI as it is now; null: not known. */
export type Latest = (sli: string) => number | null;

export interface Watch {
  readonly by: Exclude<Stopped["by"], "signal">;
  readonly sli: string;
  /** In words. */
  readonly condition: string;
  /** Ticks that the breach has lasted, this one included. */
  readonly lasting: number;
  /** True when it has gone on for long enough. */
  tick(tick: LoadTick, latest: Latest): boolean;
}

/**
 * Judges each tick by the requests that ended in it, since that is what can be known at the time. A tick in
 * which nothing ended neither starts a breach nor ends one: a system that stopped answering is no better.
 */
export class StopWatch implements Watch {
  readonly by = "stop_condition";
  readonly sli: string;
  readonly condition: string;
  readonly #limit: Threshold;
  readonly #forS: number;
  #breached = 0;

  /** @param timeoutMs the client's. */
  constructor(
    { sli, threshold: text, for_s }: StopCondition,
    readonly definition: Sli,
    readonly timeoutMs: number,
  ) {
    this.sli = sli;
    this.condition = `${sli} ${text} for ${for_s} s`;
    this.#limit = threshold(text, definition);
    this.#forS = for_s;
  }

  get lasting(): number {
    return this.#breached;
  }

  tick(tick: LoadTick, latest: Latest): boolean {
    const value = this.#valueOf(tick, latest);
    if (value === null) {
      if (this.#breached > 0) this.#breached++;
    } else {
      this.#breached = meets(value, this.#limit) ? this.#breached + 1 : 0;
    }
    return this.#breached >= this.#forS;
  }

  #valueOf(tick: LoadTick, latest: Latest): number | null {
    const { definition } = this;
    if (definition.source !== "load") return latest(this.sli);
    return measureOf(countsOf(tick.deltas, definition.operation), definition.measure, 1, this.timeoutMs);
  }
}

/** Adds up the requests that missed an objective since the fault came into force. */
export class BudgetWatch implements Watch {
  readonly by = "error_budget";
  readonly condition: string;
  #bad = 0;
  #since = 0;

  /** @param most how many may miss it. */
  constructor(
    readonly sli: string,
    readonly definition: LoadSli,
    readonly objective: Threshold,
    readonly most: number,
    share: string,
  ) {
    this.condition = `${sli}: more than ${Math.floor(most)} requests, ${share.trim()} of its budget`;
  }

  get lasting(): number {
    return this.#since;
  }

  tick(tick: LoadTick): boolean {
    const bad = badOf(countsOf(tick.deltas, this.definition.operation), this.definition, this.objective);
    if (bad > 0 || this.#since > 0) this.#since++;
    this.#bad += bad;
    return this.#bad > this.most;
  }
}
