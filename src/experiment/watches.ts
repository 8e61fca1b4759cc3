/** Everything that may end a fault early: the hypothesis's stop condition, the schedule's, and its error budget. @module */
import type { LoadTick } from "../model/load.ts";
import { type Hypothesis, type Schedule, stopConditionsOf } from "../model/schedule.ts";
import type { Stopped } from "../model/verdict.ts";
import { boundsOf } from "./bounds.ts";
import { allowedRequests, maxSpend } from "./budget.ts";
import type { Recording } from "./recording.ts";
import { readServerSli, serverSli } from "./server-sli.ts";
import { BudgetWatch, StopWatch, type Watch } from "./stop.ts";

/** A server's value older than this is no longer what it is now, in seconds. */
const FRESH_S = 3;

export type Tripped = Omit<Stopped, "reverted_s">;

export class Watches {
  readonly #watches: readonly Watch[];
  readonly #stop = new AbortController();
  /** The fault's first second; null while none is active. */
  #since: number | null = null;
  #tripped: Tripped | null = null;

  constructor(
    readonly schedule: Schedule,
    hypothesis: Hypothesis,
    readonly recording: Recording,
  ) {
    this.#watches = [...stopWatches(schedule, hypothesis), ...budgetWatches(schedule, hypothesis)];
  }

  /** Aborted once a watch has tripped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get tripped(): Tripped | null {
    return this.#tripped;
  }

  /** @param since the fault's first whole second. */
  arm(since: number): void {
    this.#since = since;
  }

  disarm(): void {
    this.#since = null;
  }

  tick(tick: LoadTick): void {
    if (this.#since === null || this.#tripped) return;
    const latest = (sli: string): number | null => this.#latest(sli);
    // Each of them sees each tick, whichever trips first.
    const tripped = this.#watches.filter((watch) => watch.tick(tick, latest))[0];
    if (!tripped) return;
    const { recording } = this;
    const begun = recording.events[0]?.t_start ?? Date.now();
    this.#tripped = {
      by: tripped.by,
      sli: tripped.sli,
      condition: tripped.condition,
      breach_from_s: Math.max(0, tick.tick - tripped.lasting - this.#since),
      after_s: Math.round((Date.now() - begun) / 10) / 100,
    };
    this.#stop.abort();
  }

  #latest(name: string): number | null {
    const sli = this.schedule.slis[name];
    const { recording } = this;
    const since = Date.now() - FRESH_S * 1000;
    if (sli?.source === "metrics") {
      // Two more seconds, as a rate needs the scrape before.
      const recent = recording.scrapes.filter(({ t }) => t >= since - 2_000);
      const values = serverSli(recent, readServerSli(sli), { startMs: since, seconds: FRESH_S });
      return values.findLast((value) => value !== null) ?? null;
    }
    return recording.answeredSince(name, since);
  }
}

function stopWatches(schedule: Schedule, hypothesis: Hypothesis): StopWatch[] {
  const { slis, load } = schedule;
  return stopConditionsOf(hypothesis, schedule).flatMap((condition) => {
    const sli = slis[condition.sli];
    return sli ? [new StopWatch(condition, sli, load.timeout_s * 1000)] : [];
  });
}

function budgetWatches(schedule: Schedule, hypothesis: Hypothesis): BudgetWatch[] {
  const { error_budget: budget, load } = schedule;
  if (!budget) return [];
  return boundsOf(hypothesis, schedule).flatMap(({ name, sli, steady }) => {
    if (sli.source !== "load") return [];
    const allowed = allowedRequests(sli, steady, load, budget.window_days);
    if (!allowed) return [];
    return [new BudgetWatch(name, sli, steady, allowed * maxSpend(budget), budget.max_spend)];
  });
}
