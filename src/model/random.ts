/**
 * Seeded randomness: the same seed gives the same sequence.
 * @module
 */

/** Uniform numbers in [0, 1). mulberry32 (Tommy Ettinger, public domain): 32 bits of state, one multiply-xorshift round. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4_294_967_296;
  };
}
