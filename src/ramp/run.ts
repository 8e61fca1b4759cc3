/**
 * Drives a search for the breakpoint: load after load, each judged when its last answer is in.
 * @module
 */
import { durationOf, peakRate, rateAt } from "../load/arrivals.ts";
import { type LoadOptions, runLoad } from "../load/run.ts";
import { prepareWorkload, type Source } from "../load/source.ts";
import type { Workload } from "../load/workload.ts";
import type { LoadRecord, LoadTick, Stage } from "../model/load.ts";
import type { RampPlan, RampRepeat, RampStep } from "../model/ramp.ts";
import type { Criteria } from "./breach.ts";
import { judgeRamp, judgeStep } from "./judge.ts";
import { holds, type Objective } from "./objective.ts";
import { concludeRepeat, hintFrom, nextRate } from "./search.ts";
import { countsIn, type Second, SecondCollector, slipQuantileMs } from "./second.ts";
import { describeStep } from "./step.ts";

export interface RampOptions {
  source: Source;
  load: Omit<LoadOptions, "workload" | "stages" | "maxConnections">;
  /** Per origin; null: enough for every request of a timeout to be unanswered at once. */
  maxConnections: number | null;
  plan: RampPlan;
  objectives: readonly Objective[];
  /** When aborted, the search ends with what is known. */
  signal: AbortSignal;
}

export interface RampHooks {
  say(line: string): void;
  onTick(tick: LoadTick, stages: readonly Stage[]): void;
  onStep(step: RampStep): void;
  onRepeat(repeat: RampRepeat): void;
}

/** A local port per connection, and no more of those than Linux has by default (32768 to 60999), less some. */
const MOST_CONNECTIONS = 25_000;

/** After a breach the system is asked this gently until it answers well. */
const PROBE_RPS = 10;
const PROBE_S = 2;
const RECOVERY_MS = 60_000;

export class Ramp {
  readonly #options: RampOptions;
  readonly #hooks: RampHooks;
  readonly #criteria: Criteria;
  #loads = 0;
  #wrecked = false;
  /** Index of the next request: no two loads of a repeat send the same ones, which caches or keys would answer. */
  #next = 0;

  constructor(options: RampOptions, hooks: RampHooks) {
    this.#options = options;
    this.#hooks = hooks;
    const { objectives, plan, load } = options;
    const { timeoutMs, limits } = load;
    this.#criteria = {
      objectives,
      kneeShare: plan.knee_share,
      sustainS: plan.sustain_s,
      timeoutMs,
      limits,
    };
  }

  async run(): Promise<void> {
    const { plan, source, load, signal } = this.#options;
    let breakpoint: number | null = null;
    for (let repeat = 1; repeat <= plan.repeats && !signal.aborted; repeat++) {
      // Other orders and tenants each time: a repeat of the same requests would meet caches that the first one filled.
      const seed = load.seed + repeat - 1;
      const workload = await prepareWorkload(
        source.kind === "single" ? source : { ...source, seed },
        load.timeoutMs,
      );
      this.#next = 0;
      const result: RampRepeat =
        plan.mode === "steps"
          ? await this.#search(repeat, workload, hintFrom(breakpoint, plan.from_rps))
          : await this.#sweep(repeat, workload);
      breakpoint = result.breakpoint_rps;
      this.#hooks.onRepeat(result);
      // The next one would judge the wreck that this one left.
      if (this.#wrecked) return;
    }
  }

  async #search(repeat: number, workload: Workload, hint: number): Promise<RampRepeat> {
    const { plan, signal } = this.#options;
    const steps: RampStep[] = [];
    for (let rate = nextRate(plan, steps, hint); rate !== null; rate = nextRate(plan, steps, hint)) {
      const stages = [{ duration_s: plan.warm_up_s + plan.duration_s, from: rate, to: rate }];
      const { seconds, slipP99Ms } = await this.#load(workload, stages);
      if (signal.aborted) return concludeRepeat(repeat, steps, false);
      const verdict = judgeStep(seconds, slipP99Ms, this.#criteria);
      const step = describeStep(repeat, seconds, slipP99Ms, verdict, this.#criteria.timeoutMs);
      steps.push(step);
      this.#hooks.onStep(step);
      if (verdict.result !== "ok" && !(await this.#recover(workload))) {
        // Of rates below the one that broke nothing is known, when none was tried.
        const known = steps.some((each) => each.verdict.result === "ok") || rate <= plan.from_rps;
        return concludeRepeat(repeat, steps, known && !signal.aborted);
      }
    }
    return concludeRepeat(repeat, steps, true);
  }

  /** One ramp from the lowest rate to the highest; its curve is that of stretches as long as a sustained breach. */
  async #sweep(repeat: number, workload: Workload): Promise<RampRepeat> {
    const { plan, signal } = this.#options;
    const { from_rps: from, to_rps: to, sustain_s } = plan;
    const warmUp = { duration_s: plan.warm_up_s, from, to: from };
    const climb = { duration_s: plan.duration_s, from, to };
    const stages = plan.warm_up_s > 0 ? [warmUp, climb] : [climb];
    const { seconds, slipP99Ms } = await this.#load(workload, stages);
    if (signal.aborted) return concludeRepeat(repeat, [], false);
    const verdict = judgeRamp(seconds, this.#criteria);
    const ok = { result: "ok" as const, why: "", breach_at_s: null };
    const breachAt = verdict.breach_at_s ?? Number.POSITIVE_INFINITY;
    for (let at = 0; at < seconds.length; at += sustain_s) {
      const stretch = seconds.slice(at, at + sustain_s);
      const broken = at + stretch.length > breachAt;
      const own = broken ? { ...verdict, breach_at_s: Math.max(0, breachAt - at) } : ok;
      this.#hooks.onStep(describeStep(repeat, stretch, slipP99Ms, own, this.#criteria.timeoutMs));
    }
    if (verdict.result !== "ok") await this.#recover(workload);
    if (verdict.breach_at_s === null) {
      return concludeRepeat(repeat, [{ rate_rps: to, verdict: ok }], true);
    }
    const rate = Math.round(seconds[breachAt]?.rate ?? from);
    const broke = { rate_rps: rate, verdict };
    // The second before the breach began held.
    const held =
      breachAt > 0 ? [{ rate_rps: Math.round(seconds[breachAt - 1]?.rate ?? from), verdict: ok }] : [];
    return concludeRepeat(repeat, [...held, broke], true);
  }

  /** Runs one load and waits for its last answers. The warm-up's seconds are left out. */
  async #load(
    workload: Workload,
    stages: readonly Stage[],
  ): Promise<{ seconds: Second[]; slipP99Ms: number }> {
    const { load, maxConnections, plan } = this.#options;
    const collector = new SecondCollector(load.timeoutMs, generatorClock);
    const enough = Math.min(
      MOST_CONNECTIONS,
      Math.ceil((peakRate(stages) * load.timeoutMs * 1.5) / 1_000) + 50,
    );
    const options = {
      ...load,
      workload: this.#unsent(workload),
      stages,
      maxConnections: maxConnections ?? enough,
      // Otherwise all steps would meet the same arrivals, and the repeats agree on their quirks.
      seed: load.seed + this.#loads++,
    };
    const summary = await runLoad(options, {
      signal: this.#options.signal,
      emit: (record) => {
        if (record.kind !== "tick") return;
        collector.add(record);
        this.#hooks.onTick(record, stages);
      },
    });
    this.#next += summary.requests;
    const seconds = collector.seconds(plan.warm_up_s, durationOf(stages), (t) => rateAt(stages, t));
    return { seconds, slipP99Ms: slipQuantileMs(seconds, 0.99) };
  }

  /** The workload from its first request on that was not sent yet. */
  #unsent(workload: Workload): Workload {
    const first = this.#next;
    return { ...workload, request: (index) => workload.request(first + index) };
  }

  /**
   * Lets the system drain: no request of ours is in flight any more, but it may still work on those we gave up.
   * False when it has not come back in time, or when the search was stopped.
   */
  async #recover(workload: Workload): Promise<boolean> {
    const { load, signal, objectives, plan } = this.#options;
    const deadline = performance.now() + RECOVERY_MS;
    const rate = Math.min(PROBE_RPS, plan.from_rps);
    while (!signal.aborted) {
      const collector = new SecondCollector(load.timeoutMs, generatorClock);
      const stages = [{ duration_s: PROBE_S, from: rate, to: rate }];
      const emit = (record: LoadRecord): void => {
        if (record.kind === "tick") collector.add(record);
      };
      const probe = { workload: this.#unsent(workload), stages, maxConnections: 50 };
      const { requests } = await runLoad({ ...load, ...probe, arrivals: "constant" }, { emit, signal });
      this.#next += requests;
      const seconds = collector.seconds(0, PROBE_S, () => rate);
      const well = (each: Objective): boolean =>
        holds(each, countsIn(seconds, each.operation), load.timeoutMs);
      if (objectives.every(well)) return !signal.aborted;
      if (performance.now() > deadline) {
        this.#hooks.say(`the system did not recover within ${RECOVERY_MS / 1_000} s: the search ends here`);
        this.#wrecked = true;
        return false;
      }
    }
    return false;
  }
}

/** Processor time of all of this process, which does nothing but send and count. */
function generatorClock(): { cpuS: number; atS: number } {
  const { user, system } = process.cpuUsage();
  return { cpuS: (user + system) / 1e6, atS: performance.now() / 1_000 };
}
