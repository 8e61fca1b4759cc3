/**
 * The delay of each packet.
 * @module
 */
import { seeded } from "../../../model/random.ts";

/**
 * A sequence of delays in milliseconds, uniform in [delayMs - jitterMs, delayMs + jitterMs) and independent, as
 * netem's without a distribution table. The same seed gives the same sequence.
 */
export function delays(delayMs: number, jitterMs: number, seed: number): () => number {
  if (jitterMs === 0) return () => delayMs;
  const uniform = seeded(seed);
  return () => delayMs + (2 * uniform() - 1) * jitterMs;
}
