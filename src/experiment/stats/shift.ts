/** Whether the fault shifted an SLI, by how much, and how sure that is. @module */
import type { Shift } from "../../model/stats.ts";
import { varianceFactor } from "./dependence.ts";
import { twoSidedP, Z_95 } from "./normal.ts";
import { countBelow, countUpTo, kthDifference, sorted, tieSizes } from "./order.ts";

/** Fewer values on one side cannot be told from chance. */
const FEWEST = 5;

/**
 * Compares the seconds of the fault with those of the baseline.
 * @param baseline finite values, one per second, in order of time; seconds without a value are left out.
 * @returns null under 5 values on either side.
 * @throws RangeError when a value is not finite.
 */
export function shiftBetween(baseline: readonly number[], fault: readonly number[]): Shift | null {
  const n = baseline.length;
  const m = fault.length;
  if (n < FEWEST || m < FEWEST) return null;
  if (![...baseline, ...fault].every(Number.isFinite)) throw new RangeError("a value is not finite");
  const x = sorted(baseline);
  const y = sorted(fault);
  const factor = varianceFactor([baseline, fault], 1);
  const dominance = dominanceOf(x, y);
  const variance = rankVariance(x, y) * factor;
  // U counts the pairs in which the fault's second is larger, ties half: half of all pairs where nothing differs.
  const distance = Math.abs(dominance.sum) / 2;
  return {
    test: "Mann-Whitney U",
    n_baseline: n,
    n_fault: m,
    // Half a pair for continuity; nothing to compare where all values are one.
    p_value: variance === 0 ? 1 : twoSidedP(Math.max(0, distance - 0.5) / Math.sqrt(variance)),
    variance_factor: factor,
    ...hodgesLehmann(x, y, variance),
    confidence: 0.95,
    ...cliffsDelta(dominance, n, m, factor),
  };
}

/** Variance of U under no difference, corrected for ties: Lehmann, Nonparametrics (1975), chapter 1, section 4. */
function rankVariance(x: Float64Array, y: Float64Array): number {
  const n = x.length;
  const m = y.length;
  const all = n + m;
  const ties = tieSizes(sorted([...x, ...y])).reduce((sum, t) => sum + (t ** 3 - t), 0);
  return ((n * m) / 12) * (all + 1 - ties / (all * (all - 1)));
}

/**
 * The median of all n x m differences, between the C-th smallest and the C-th largest of them, C = nm/2 - z sd(U):
 * Hollander and Wolfe, Nonparametric Statistical Methods (1999), sections 4.2 and 4.3.
 */
function hodgesLehmann(x: Float64Array, y: Float64Array, variance: number) {
  const pairs = x.length * y.length;
  const shift =
    (kthDifference(x, y, Math.floor((pairs + 1) / 2)) + kthDifference(x, y, Math.ceil((pairs + 1) / 2))) / 2;
  const rank = Math.floor(pairs / 2 - Z_95 * Math.sqrt(variance));
  if (rank < 1) return { shift, shift_low: null, shift_high: null };
  return {
    shift,
    shift_low: kthDifference(x, y, rank),
    shift_high: kthDifference(x, y, pairs + 1 - rank),
  };
}

/** Sums over the matrix of signs of y - x, without making it. */
interface Dominance {
  /** Of all signs. */
  sum: number;
  /** Pairs that are not equal. */
  unequal: number;
  /** Sums of the signs of each value of x against all y, and of each y against all x. */
  rows: number[];
  columns: number[];
}

function dominanceOf(x: Float64Array, y: Float64Array): Dominance {
  let unequal = 0;
  const rows = Array.from(x, (value) => {
    const smaller = countBelow(y, value);
    const larger = y.length - countUpTo(y, value);
    unequal += smaller + larger;
    return larger - smaller;
  });
  const columns = Array.from(y, (value) => countBelow(x, value) - (x.length - countUpTo(x, value)));
  return { sum: rows.reduce((sum, row) => sum + row, 0), unequal, rows, columns };
}

/**
 * Cliff, Psychological Bulletin 114 (1993), with his unbiased variance and its least value; the interval is the
 * asymmetric one of Feng and Cliff, Journal of Modern Applied Statistical Methods 3 (2004), which stays in -1 to 1.
 */
function cliffsDelta({ sum, unequal, rows, columns }: Dominance, n: number, m: number, factor: number) {
  const pairs = n * m;
  const delta = sum / pairs;
  const free = 1 - delta * delta;
  const squares = (sums: readonly number[], mean: number): number =>
    sums.reduce((total, each) => total + (each - mean) ** 2, 0);
  const unbiased =
    (squares(rows, delta * m) + squares(columns, delta * n) - (unequal - pairs * delta * delta)) /
    (pairs * (n - 1) * (m - 1));
  const z2 = Z_95 * Z_95;
  // Where nothing overlaps the variance is 0: then the limit of the interval for (1 - delta^2) / min(n, m), which is
  // the largest variance there can be (Birnbaum and Klose, Annals of Mathematical Statistics 28, 1957).
  if (free === 0) {
    const least = Math.min(n, m) / factor;
    const inner = Math.max(-1, (least - z2) / (least + z2));
    return {
      cliffs_delta: delta,
      cliffs_delta_low: delta > 0 ? inner : -1,
      cliffs_delta_high: delta > 0 ? 1 : -inner,
    };
  }
  const variance = Math.max(unbiased, free / (pairs - 1)) * factor;
  const centre = delta * free;
  const half = Z_95 * Math.sqrt(variance) * Math.sqrt(free * free + z2 * variance);
  const scale = free + z2 * variance;
  return {
    cliffs_delta: delta,
    cliffs_delta_low: Math.max(-1, (centre - half) / scale),
    cliffs_delta_high: Math.min(1, (centre + half) / scale),
  };
}
