/** Seeded seconds of an SLI, to try the statistics on. @module */
import { seeded } from "../../model/random.ts";

/** A source of standard normal numbers (Box and Muller, Annals of Mathematical Statistics 29, 1958). */
export function gaussian(seed: number): () => number {
  const uniform = seeded(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** `length` standard normal values, each correlated by `rho` with the one before. */
export function correlated(normal: () => number, length: number, rho: number): number[] {
  let value = normal();
  return Array.from({ length }, () => {
    const now = value;
    value = rho * value + Math.sqrt(1 - rho * rho) * normal();
    return now;
  });
}

/** Latencies in milliseconds as they come: skewed to the right, around `median`. */
export function latencies(normal: () => number, length: number, rho: number, median: number): number[] {
  return correlated(normal, length, rho).map((value) => median * Math.exp(0.25 * value));
}
