/**
 * When requests are due: an open model. Arrival times are fixed by (stages, model, seed) alone and know nothing
 * of answers, so that a slow system meets the same load as a fast one.
 *
 * With N(t) the number of requests that the stages ask for up to t, request i is due at N^-1(i) (constant spacing)
 * or at N^-1(S_i), where S_i is the sum of i + 1 exponential gaps of mean 1: the arrivals of a Poisson process of rate 1
 * mapped through N^-1 are those of a Poisson process with the stages' rate (time change; Cinlar, Introduction to
 * Stochastic Processes, 1975, section 4.7).
 * @module
 */
import type { Stage } from "../model/load.ts";
import { randomUnit, Stream } from "./random.ts";

export const ARRIVAL_MODELS = ["poisson", "constant"] as const;
export type ArrivalModel = (typeof ARRIVAL_MODELS)[number];

/** Returns, call by call, the intended send times in milliseconds since the start; never decreasing, infinity at last. */
export type Arrivals = () => number;

/** Requests that a stage asks for: the area under its rate. */
const requestsIn = ({ duration_s, from, to }: Stage): number => ((from + to) / 2) * duration_s;

export const durationOf = (stages: readonly Stage[]): number =>
  stages.reduce((sum, stage) => sum + stage.duration_s, 0);

/** Mean rate over all stages, in requests per second. */
export const meanRate = (stages: readonly Stage[]): number =>
  stages.reduce((sum, stage) => sum + requestsIn(stage), 0) / durationOf(stages);

/** Highest rate of all stages, in requests per second. */
export const peakRate = (stages: readonly Stage[]): number =>
  Math.max(...stages.map(({ from, to }) => Math.max(from, to)));

/** The rate asked for at second `t`; 0 after the end. */
export function rateAt(stages: readonly Stage[], t: number): number {
  let start = 0;
  for (const { duration_s, from, to } of stages) {
    if (t < start + duration_s) return from + ((to - from) * (t - start)) / duration_s;
    start += duration_s;
  }
  return 0;
}

/**
 * N^-1 for arguments that never decrease. Inside a stage n = from*u + (to - from)*u^2 / (2*d), which solved for u
 * in the form that does not cancel is u = 2n / (from + sqrt(from^2 + 2n*(to - from)/d)).
 */
function inverse(stages: readonly Stage[]): (n: number) => number {
  let at = 0;
  let startS = 0;
  let before = 0;
  return (n) => {
    for (let stage = stages[at]; stage; stage = stages[++at]) {
      const { duration_s, from, to } = stage;
      const within = n - before;
      const size = requestsIn(stage);
      if (within < size) {
        const root = Math.sqrt(Math.max(0, from * from + (2 * within * (to - from)) / duration_s));
        return (startS + (within === 0 ? 0 : (2 * within) / (from + root))) * 1_000;
      }
      before += size;
      startS += duration_s;
    }
    return Number.POSITIVE_INFINITY;
  };
}

/** Arrivals of the stages. Throws RangeError unless rates are at least 0, durations positive, and something is asked for. */
export function createArrivals(model: ArrivalModel, stages: readonly Stage[], seed: number): Arrivals {
  for (const { duration_s, from, to } of stages) {
    const fits = duration_s > 0 && from >= 0 && to >= 0 && Number.isFinite(duration_s + from + to);
    if (!fits) throw new RangeError(`not a stage of a load: ${from} to ${to} rps for ${duration_s} s`);
  }
  if (!(meanRate(stages) > 0)) throw new RangeError("the stages ask for no request");
  const due = inverse(stages);
  let index = 0;
  if (model === "constant") return () => due(index++);
  let sum = 0;
  return () => {
    sum -= Math.log(1 - randomUnit(seed, index++, Stream.gap));
    return due(sum);
  };
}
