/**
 * How long the payment provider takes: log-normal, as measured service times of remote calls usually are.
 * @module
 */
import { seeded } from "../../src/model/random.ts";

/**
 * Shape for p99 = 2 x mean. Of a log-normal p99 / mean = exp(2.326 s - s^2 / 2), which is 2 at s = 0.32.
 */
const SIGMA = 0.32;

/** Successive service times in milliseconds with the given mean; the same seed gives the same sequence. */
export function serviceTimes(meanMs: number, seed: number): () => number {
  const random = seeded(seed);
  // The mean of a log-normal is exp(mu + s^2 / 2).
  const mu = Math.log(meanMs) - SIGMA ** 2 / 2;
  return () => (meanMs === 0 ? 0 : Math.exp(mu + SIGMA * normal(random)));
}

/** Standard normal by Box and Muller (1958). */
function normal(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}
