/** Whether an SLI drifts over time, and how fast. @module */
import type { Trend } from "../../model/stats.ts";
import { varianceFactor } from "./dependence.ts";
import { twoSidedP } from "./normal.ts";
import { medianOf, tieSizes } from "./order.ts";

/** From here on the normal approximation holds (Kendall, Rank Correlation Methods, 1975). */
const FEWEST = 10;
/** Every two values make a slope: above this many values, blocks of seconds stand for their seconds. */
const MOST = 1_000;

/**
 * @param values one per second in order of time; null: no value in that second.
 * @returns null under 10 values.
 */
export function trendOf(values: readonly (number | null)[]): Trend | null {
  const block = Math.ceil(values.length / MOST);
  const series = block > 1 ? blocksOf(values, block) : values;
  const seconds = Float64Array.from(series.flatMap((value, index) => (value === null ? [] : index * block)));
  const points = Float64Array.from(series.filter((value) => value !== null));
  if (points.length < FEWEST) return null;
  const { score, slope } = pairwise(seconds, points);
  const level = series.map((value, index) => (value === null ? null : value - slope * index * block));
  const factor = varianceFactor([level], 2);
  const variance = scoreVariance(points.toSorted()) * factor;
  const present = values.filter((value) => value !== null);
  return {
    test: "Mann-Kendall",
    n: present.length,
    p_value: variance === 0 ? 1 : twoSidedP(Math.max(0, Math.abs(score) - 1) / Math.sqrt(variance)),
    variance_factor: factor,
    slope_per_s: slope,
    change: slope * ((seconds.at(-1) ?? 0) - (seconds[0] ?? 0)),
    median: medianOf(Float64Array.from(present)),
  };
}

/** Medians of blocks of seconds; null for a block without a value. */
function blocksOf(values: readonly (number | null)[], size: number): (number | null)[] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => {
    const present = values.slice(index * size, (index + 1) * size).filter((value) => value !== null);
    return present.length === 0 ? null : medianOf(Float64Array.from(present));
  });
}

/**
 * Mann's S, pairs that rise less pairs that fall (Econometrica 13, 1945), and the median of all slopes (Theil, 1950;
 * Sen, Journal of the American Statistical Association 63, 1968).
 */
function pairwise(seconds: Float64Array, values: Float64Array): { score: number; slope: number } {
  const slopes = new Float64Array((values.length * (values.length - 1)) / 2);
  let score = 0;
  let next = 0;
  for (let later = 1; later < values.length; later++) {
    const value = values[later] ?? 0;
    const second = seconds[later] ?? 0;
    for (let earlier = 0; earlier < later; earlier++) {
      const rise = value - (values[earlier] ?? 0);
      score += Math.sign(rise);
      slopes[next++] = rise / (second - (seconds[earlier] ?? 0));
    }
  }
  return { score, slope: medianOf(slopes) };
}

/** Variance of S without a trend, corrected for ties: Kendall, Rank Correlation Methods (1975), chapter 4. */
function scoreVariance(ascending: Float64Array): number {
  const term = (n: number): number => n * (n - 1) * (2 * n + 5);
  const ties = tieSizes(ascending).reduce((sum, t) => sum + term(t), 0);
  return (term(ascending.length) - ties) / 18;
}
