/**
 * What statistics say about an SLI: whether the fault shifted it, and whether the baseline stood still. Values are in
 * the SLI's own unit, one per second.
 * @module
 */

/** Fault against baseline; positive: larger under the fault. */
export interface Shift {
  test: "Mann-Whitney U";
  /** Seconds compared. */
  n_baseline: number;
  n_fault: number;
  /** Two-sided: how often chance alone would show a difference as large or larger. */
  p_value: number;
  /** What the variance was multiplied by because a second is like the one before; 1: they are independent. */
  variance_factor: number;
  /** Hodges-Lehmann: the median of all differences between a second of the fault and one of the baseline. */
  shift: number;
  /** Bounds of the shift. Null: so few independent seconds bound it nowhere on that side. */
  shift_low: number | null;
  shift_high: number | null;
  confidence: 0.95;
  /** Share of pairs in which the fault's second is larger, less the share in which it is smaller: -1 to 1. */
  cliffs_delta: number;
  cliffs_delta_low: number;
  cliffs_delta_high: number;
}

/** One phase over time. */
export interface Trend {
  test: "Mann-Kendall";
  /** Seconds with a value. */
  n: number;
  p_value: number;
  /** As in Shift, after the trend itself is taken out. */
  variance_factor: number;
  /** Theil-Sen: the median of the slopes between any two seconds. */
  slope_per_s: number;
  /** Slope times the time from the first value to the last. */
  change: number;
  median: number;
}
