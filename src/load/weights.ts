/**
 * Choices with weights, by one random number each.
 * @module
 */

/** Zipf's law, exponent 1: few make most of the traffic, as customers of a real service do. */
export const zipf = (count: number): number[] => Array.from({ length: count }, (_, k) => 1 / (k + 1));

/** Upper bounds of the weights' shares of 2^32. */
export function boundsOf(weights: readonly number[]): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return Float64Array.from(weights, (weight) => {
    sum += weight;
    return (sum / total) * 2 ** 32;
  });
}

/** Index of the first bound above `point`, which is from 0 to 2^32 - 1. */
export function pick(bounds: Float64Array, point: number): number {
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
