import { expect, test } from "bun:test";
import { randomBelow, randomUint32, randomUnit } from "./random.ts";

test("agrees with the reference MurmurHash3 x86_32 over (index low, index high, stream)", () => {
  expect(randomUint32(0, 0, 0)).toBe(reference(0, [0, 0, 0]));
  expect(randomUint32(1, 2 ** 32 * 5 + 9, 3)).toBe(reference(1, [9, 5, 3]));
  expect(randomUint32(4_294_967_295, 123_456, 2)).toBe(reference(4_294_967_295, [123_456, 0, 2]));
});

/** MurmurHash3 x86_32 written with BigInt, straight from the description. */
function reference(seed: number, blocks: number[]): number {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (32n - n))) & mask;
  let h = BigInt(seed);
  for (const block of blocks) {
    const k = (rotate((BigInt(block) * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask;
    h = (rotate(h ^ k, 13n) * 5n + 0xe6546b64n) & mask;
  }
  h ^= BigInt(blocks.length * 4);
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(h ^ (h >> 16n));
}

test("is uniform over indices and differs between streams", () => {
  const buckets = new Array<number>(16).fill(0);
  let equal = 0;
  for (let i = 0; i < 160_000; i++) {
    const slot = randomBelow(16, 9, i, 1);
    buckets[slot] = (buckets[slot] ?? 0) + 1;
    if (randomUnit(9, i, 1) === randomUnit(9, i, 2)) equal++;
  }
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  expect(equal).toBeLessThan(3);
});
