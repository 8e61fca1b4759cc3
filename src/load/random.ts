/**
 * Random numbers as a pure function of (seed, index, stream): no state, so that what request 4711 asks for
 * never depends on when, or in which order, requests are made.
 *
 * MurmurHash3 x86_32 over the three 32-bit blocks (index low, index high, stream), by Austin Appleby, public
 * domain: https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 * @module
 */

/** One stream per decision, so that decisions about one request are independent of each other. */
export const Stream = { gap: 1, operation: 2, tenant: 3, order: 4, product: 5, quantity: 6 } as const;

const TWO_32 = 2 ** 32;

function mixBlock(hash: number, block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Uniform in 0 .. 2^32-1. `index` may be any non-negative safe integer. */
export function randomUint32(seed: number, index: number, stream: number): number {
  let h = mixBlock(seed | 0, index | 0);
  h = mixBlock(h, (index / TWO_32) | 0);
  h = mixBlock(h, stream);
  h ^= 12; // length of the input in bytes
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform in [0, 1), in steps of 2^-32. */
export function randomUnit(seed: number, index: number, stream: number): number {
  return randomUint32(seed, index, stream) / TWO_32;
}

/** Uniform whole number in 0 .. count-1. */
export function randomBelow(count: number, seed: number, index: number, stream: number): number {
  return Math.floor(randomUnit(seed, index, stream) * count);
}
