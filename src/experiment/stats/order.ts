/** Order statistics: ranks, ties, and the k-th smallest without sorting everything. @module */

/** Sorted copy. */
export const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();

/** How many values of a sorted array are smaller than `value`. */
export function countBelow(ascending: Float64Array, value: number): number {
  return lowerBound(ascending, (each) => each < value);
}

/** How many values of a sorted array are not larger than `value`. */
export function countUpTo(ascending: Float64Array, value: number): number {
  return lowerBound(ascending, (each) => each <= value);
}

function lowerBound(ascending: Float64Array, isLeft: (value: number) => boolean): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isLeft(ascending[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ranks from 1; equal values share the middle of theirs. */
export function midranks(values: readonly number[]): number[] {
  const ascending = sorted(values);
  return values.map((value) => (countBelow(ascending, value) + 1 + countUpTo(ascending, value)) / 2);
}

/** Sizes of the groups of equal values. */
export function tieSizes(ascending: Float64Array): number[] {
  const sizes: number[] = [];
  for (let from = 0; from < ascending.length; ) {
    const to = countUpTo(ascending, ascending[from] ?? Number.NaN);
    sizes.push(to - from);
    from = to;
  }
  return sizes;
}

/**
 * The k-th smallest, k from 0; reorders the array. Hoare's FIND (Communications of the ACM 4, 1961), the median of
 * three as pivot.
 */
export function nthSmallest(values: Float64Array, k: number): number {
  const at = (index: number): number => values[index] ?? 0;
  let left = 0;
  let right = values.length - 1;
  while (left < right) {
    const [a, b, c] = [at(left), at((left + right) >>> 1), at(right)];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = left;
    let j = right;
    while (i <= j) {
      while (at(i) < pivot) i++;
      while (at(j) > pivot) j--;
      if (i > j) break;
      const swapped = at(i);
      values[i++] = at(j);
      values[j--] = swapped;
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else break;
  }
  return at(k);
}

/** NaN for no values; reorders the array. */
export function medianOf(values: Float64Array): number {
  const half = values.length >>> 1;
  const upper = nthSmallest(values, half);
  if (values.length % 2 === 1) return upper;
  // All that is smaller stands before it now.
  let lower = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < half; index++) lower = Math.max(lower, values[index] ?? Number.NaN);
  return (lower + upper) / 2;
}

/**
 * The k-th smallest, k from 1, of all differences y - x, for sorted x and y, without making them all. They are a matrix
 * sorted along rows and columns, so one walk down a staircase counts those up to a value, and finds its neighbours on
 * both sides; bisection goes from neighbour to neighbour (after Johnson and Mizoguchi, SIAM Journal on Computing 7,
 * 1978).
 */
export function kthDifference(x: Float64Array, y: Float64Array, k: number): number {
  let low = (y[0] ?? Number.NaN) - (x.at(-1) ?? Number.NaN);
  let high = (y.at(-1) ?? Number.NaN) - (x[0] ?? Number.NaN);
  while (low < high) {
    const middle = low + (high - low) / 2;
    // Between two neighbours there is no number left to try but the lower one.
    const { count, below, above } = staircase(x, y, middle < high ? middle : low);
    if (count >= k) high = below;
    else low = above;
  }
  return low;
}

function staircase(x: Float64Array, y: Float64Array, limit: number) {
  let count = 0;
  let below = Number.NEGATIVE_INFINITY;
  let above = Number.POSITIVE_INFINITY;
  let j = 0;
  for (const each of x) {
    while (j < y.length && (y[j] ?? Number.NaN) - each <= limit) j++;
    count += j;
    if (j > 0) below = Math.max(below, (y[j - 1] ?? Number.NaN) - each);
    if (j < y.length) above = Math.min(above, (y[j] ?? Number.NaN) - each);
  }
  return { count, below, above };
}
