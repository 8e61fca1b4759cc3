/**
 * When requests are due: an open model. Arrival times are fixed by (model, rate, seed) alone and know nothing
 * of answers, so that a slow system meets the same load as a fast one.
 * @module
 */
import { randomUnit, Stream } from "./random.ts";

export const ARRIVAL_MODELS = ["poisson", "constant"] as const;
export type ArrivalModel = (typeof ARRIVAL_MODELS)[number];

/** Returns, call by call, the intended send times in milliseconds since the start; never decreasing, endless. */
export type Arrivals = () => number;

/**
 * Poisson process: gaps are exponential with mean 1/rate, drawn by inverting the distribution function,
 * gap = -ln(1 - u) / rate.
 */
function poisson(ratePerSecond: number, seed: number): Arrivals {
  const meanGapMs = 1_000 / ratePerSecond;
  let index = 0;
  let at = 0;
  return () => {
    at -= Math.log(1 - randomUnit(seed, index++, Stream.gap)) * meanGapMs;
    return at;
  };
}

/** One request every 1/rate. A product instead of a sum: rounding does not build up. */
function constant(ratePerSecond: number): Arrivals {
  let index = 0;
  return () => (index++ * 1_000) / ratePerSecond;
}

/** Arrivals at `ratePerSecond`. Throws RangeError unless it is a positive number. */
export function createArrivals(model: ArrivalModel, ratePerSecond: number, seed: number): Arrivals {
  if (!(ratePerSecond > 0 && Number.isFinite(ratePerSecond))) {
    throw new RangeError(`arrival rate must be positive, got ${ratePerSecond}`);
  }
  return model === "poisson" ? poisson(ratePerSecond, seed) : constant(ratePerSecond);
}
