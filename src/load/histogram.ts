/**
 * A log-linear histogram of durations in whole microseconds, in the manner of HdrHistogram
 * (http://hdrhistogram.org): fixed memory, constant-time recording, bounded relative error.
 *
 * Bucket bounds: values below 256 have a bucket each. Above, each power of two [2^e, 2^(e+1)) is split into
 * 128 equal buckets, so bucket b holds `m << s` up to but not including `(m + 1) << s`, where s = floor(b / 128) - 1
 * and m = b - 128 * s is in 128..255. A bucket is at most 1/128 (0.79 %) of its lower bound wide.
 * Values are clamped to 0 .. 2^32-1 us (about 71 minutes).
 * @module
 */

import type { HistogramData } from "../model/load.ts";

const SUB_BUCKETS = 128;
const SUB_BITS = 7;
const MAX_VALUE = 2 ** 32 - 1;

export const BUCKETS = (31 - SUB_BITS) * SUB_BUCKETS + 2 * SUB_BUCKETS;

/** Bucket of a whole number of microseconds in 0 .. 2^32-1. */
export function bucketOf(valueUs: number): number {
  const shift = Math.max(0, 31 - SUB_BITS - Math.clz32(valueUs));
  return shift * SUB_BUCKETS + (valueUs >>> shift);
}

/** Lowest and highest whole microsecond of a bucket. */
export function bucketBounds(bucket: number): readonly [lowest: number, highest: number] {
  const shift = Math.max(0, Math.floor(bucket / SUB_BUCKETS) - 1);
  const lowest = (bucket - shift * SUB_BUCKETS) * 2 ** shift;
  return [lowest, lowest + 2 ** shift - 1];
}

/** Rounds to whole microseconds and clamps to the histogram's range. */
export function toMicros(ms: number): number {
  const us = Math.round(ms * 1_000);
  return us > 0 ? Math.min(us, MAX_VALUE) : 0;
}

export class Histogram {
  /** Doubles: exact to 2^53, where 32 bits would wrap within a day of heavy load. */
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /** Largest value in microseconds: exact for recorded values, the bucket's highest for imported ones. */
  get max(): number {
    return this.#max;
  }

  /** Mean in microseconds: exact for recorded values, from bucket centres for imported ones. 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Records a whole number of microseconds in 0 .. 2^32-1 (see `toMicros`). */
  record(valueUs: number): void {
    const bucket = bucketOf(valueUs);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sum += valueUs;
    if (valueUs > this.#max) this.#max = valueUs;
  }

  merge(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] = (this.#counts[i] ?? 0) + (other.#counts[i] ?? 0);
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  /**
   * The value that a share `q` (0 to 1) of all values does not exceed, in microseconds: the highest value
   * equivalent to the one of rank ceil(q * count), as HdrHistogram gives it, and never above the maximum.
   * So it is at least the exact quantile and at most 1/128 above it. 0 when empty.
   */
  quantile(q: number): number {
    if (this.#count === 0) return 0;
    // 0.07 * 100 is 7.000000000000001: take off what rounding may have added before ceil.
    const rank = Math.max(1, Math.ceil(q * this.#count - 1e-6));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i] ?? 0;
      if (seen >= rank) return Math.min(bucketBounds(i)[1], this.#max);
    }
    return this.#max;
  }

  /** Sparse form: [bucket, count, bucket, count, ...] by rising bucket. */
  toSparse(): number[] {
    const sparse: number[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#counts[i] ?? 0;
      if (count > 0) sparse.push(i, count);
    }
    return sparse;
  }

  /** Adds the values of a sparse form. Throws RangeError when it is not one. */
  addSparse(sparse: readonly number[]): void {
    for (let i = 0; i < sparse.length; i += 2) {
      const bucket = sparse[i] ?? -1;
      const count = sparse[i + 1] ?? -1;
      if (
        !Number.isInteger(bucket) ||
        bucket < 0 ||
        bucket >= BUCKETS ||
        !Number.isInteger(count) ||
        count < 0
      ) {
        throw new RangeError(`not a [bucket, count] pair at ${i}: ${bucket}, ${count}`);
      }
      if (count === 0) continue;
      const [lowest, highest] = bucketBounds(bucket);
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#count += count;
      this.#sum += ((lowest + highest) / 2) * count;
      this.#max = Math.max(this.#max, highest);
    }
  }

  /** Everything, to be written down or sent. */
  toData(): HistogramData {
    return { count: this.#count, sum_us: this.#sum, max_us: this.#max, buckets: this.toSparse() };
  }

  /** Adds what another histogram wrote down, exactly. Throws RangeError, and adds nothing, when it contradicts itself. */
  addData(data: HistogramData): void {
    this.merge(Histogram.fromData(data));
  }

  /** Throws RangeError when count, sum or maximum cannot be those of the buckets. */
  static fromData({ count, sum_us, max_us, buckets }: HistogramData): Histogram {
    const histogram = Histogram.fromSparse(buckets);
    if (histogram.#count !== count) {
      throw new RangeError(`histogram of ${count} values, whose buckets hold ${histogram.#count}`);
    }
    let least = 0;
    let most = 0;
    for (let i = 0; i < buckets.length; i += 2) {
      const [lowest, highest] = bucketBounds(buckets[i] ?? 0);
      least += lowest * (buckets[i + 1] ?? 0);
      most += highest * (buckets[i + 1] ?? 0);
    }
    if (!(sum_us >= least && sum_us <= most))
      throw new RangeError(`sum ${sum_us} is not that of the buckets`);
    if (bucketOf(max_us) !== bucketOf(histogram.#max)) {
      throw new RangeError(`maximum ${max_us} is not in the highest bucket`);
    }
    histogram.#sum = sum_us;
    histogram.#max = max_us;
    return histogram;
  }

  static fromSparse(sparse: readonly number[]): Histogram {
    const histogram = new Histogram();
    histogram.addSparse(sparse);
    return histogram;
  }
}
