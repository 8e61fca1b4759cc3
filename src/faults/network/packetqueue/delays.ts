/**
 * The delay of each packet.
 * @module
 */

/**
 * A sequence of delays in milliseconds, uniform in [delayMs - jitterMs, delayMs + jitterMs) and independent, as
 * netem's without a distribution table. The same seed gives the same sequence (mulberry32).
 */
export function delays(delayMs: number, jitterMs: number, seed: number): () => number {
  if (jitterMs === 0) return () => delayMs;
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const uniform = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return delayMs + (2 * uniform - 1) * jitterMs;
  };
}
