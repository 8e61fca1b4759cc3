/**
 * What a search for the breakpoint records: `ramp.json`. Rates are requests per second, `*_ms` milliseconds, `*_s`
 * seconds, `*_share` shares of 1.
 * @module
 */
import type { SaturationLimits } from "./load.ts";

/**
 * What a step showed. `breached`: an objective was out for as long as is called sustained; `knee`: the system completed
 * less than was asked of it; `generator_limited`: the load generator, not the system, was the limit.
 */
export type StepResult = "ok" | "breached" | "knee" | "generator_limited";

export interface StepVerdict {
  result: StepResult;
  /** In words; empty for `ok`. */
  why: string;
  /** First bad second of the sustained breach, counted from the step's first judged second; null when there was none. */
  breach_at_s: number | null;
}

export interface RampOperation {
  requests: number;
  /** Share that did not end well. */
  error_share: number;
  /** From the intended send time; a request without an answer ranks above all others. Null without requests. */
  p50_ms: number | null;
  p99_ms: number | null;
}

/** One rate held for a while; of a continuous ramp, a stretch of it. The warm-up is in none of the figures. */
export interface RampStep {
  /** Counted from 1. */
  repeat: number;
  /** Asked for; of a stretch its mean. */
  rate_rps: number;
  duration_s: number;
  /** Arrivals that the schedule had, and of these sent at all. */
  offered_rps: number;
  sent_rps: number;
  /** Requests that ended well, by the second in which they ended. */
  goodput_rps: number;
  error_share: number;
  operations: Record<string, RampOperation>;
  /** The generator: intended to actual send, requests late, never sent, and processor time as a share of one core. */
  slip_p99_ms: number;
  late: number;
  dropped: number;
  generator_cpu_share: number;
  verdict: StepVerdict;
}

export type RepeatOutcome =
  /** The lowest rate that broke was the system's doing, and a lower one held. */
  | "found"
  /** Nothing broke up to the highest rate. */
  | "not_reached"
  /** The lowest rate broke already. */
  | "below_range"
  /** The lowest rate that broke was the generator's doing. */
  | "generator_limited"
  /** Stopped before it was known. */
  | "unfinished";

export interface RampRepeat {
  repeat: number;
  outcome: RepeatOutcome;
  /** Highest rate that held below the lowest that broke. */
  breakpoint_rps: number | null;
  /** Lowest rate that broke. */
  broke_rps: number | null;
  why: string;
}

export interface Breakpoint {
  /** Median over the repeats that found one. */
  rps: number;
  per_repeat: number[];
  min_rps: number;
  max_rps: number;
  /** (max - min) / median. */
  spread_share: number;
  /** Of the median; null below five repeats, which are too few for one. */
  interval_95: { low_rps: number; high_rps: number; method: string } | null;
  /** Spread of at most a fifth, and every repeat found one. Null with a single repeat, which says nothing about it. */
  stable: boolean | null;
}

export interface RampPlan {
  mode: "steps" | "continuous";
  from_rps: number;
  to_rps: number;
  /** Between one step and the next: a factor, or a distance. */
  factor: number | null;
  step_rps: number | null;
  /** Per step; of a continuous ramp, from the lowest rate to the highest. */
  duration_s: number;
  warm_up_s: number;
  repeats: number;
  sustain_s: number;
  /** Goodput below this share of the offered load is a knee. */
  knee_share: number;
  /** The steady rate as a share of the breakpoint. */
  steady_share: number;
}

export interface Machine {
  chaoslab: string;
  bun: string;
  kernel: string;
  distribution: string;
  cpu: string;
  cpus: number;
  memory_mib: number;
}

export interface RampDocument {
  kind: "ramp";
  /** `running` in the folder of a search that was killed. */
  state: "running" | "complete" | "aborted";
  started_at: string;
  ended_at: string | null;
  folder: string;
  machine: Machine;
  targets: string[];
  seed: number;
  arrivals: "poisson" | "constant";
  timeout_ms: number;
  plan: RampPlan;
  /** As they are written on the command line. */
  slos: string[];
  limits: SaturationLimits;
  /** In the order they were run. */
  steps: RampStep[];
  repeats: RampRepeat[];
  /** Null when none can be named; `no_breakpoint` then says why, and what to do. */
  breakpoint: Breakpoint | null;
  no_breakpoint: string | null;
  /** The rate to run experiments at; null without a breakpoint. Schedules refer to it. */
  steady_rate_rps: number | null;
}
