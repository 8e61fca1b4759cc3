/**
 * Parts of one schedule. The shards `{index, of}` for all indexes have each of its requests exactly once.
 * @module
 */
import type { Shard } from "../model/load.ts";

/** Most shards of one load, over hosts and over the workers of one. */
export const MAX_SHARDS = 1_000;

/** Reads `1/3`, counted from 1 as people do. Null when it is none. */
export function parseShard(text: string): Shard | null {
  const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const number = Number(match?.[1]);
  const of = Number(match?.[2]);
  return match && number >= 1 && number <= of && of <= MAX_SHARDS ? { index: number - 1, of } : null;
}

export const showShard = ({ index, of }: Shard): string => `${index + 1}/${of}`;

/** Part `index` of `of` of a shard: of its requests every `of`-th. */
export const partOf = (shard: Shard, index: number, of: number): Shard => ({
  index: shard.index + shard.of * index,
  of: shard.of * of,
});

/** Part `index` of `of` of a number of things; the parts add up to it and differ by at most 1. */
export const portionOf = (total: number, index: number, of: number): number =>
  Math.floor(total / of) + (index < total % of ? 1 : 0);
