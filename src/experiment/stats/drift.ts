/** Whether a baseline stood still enough to compare a fault with it. @module */
import { meets, showBound, showSli, type Threshold, type Unit } from "../../model/sli.ts";
import type { Trend } from "../../model/stats.ts";

/** A trend is told from noise below this. */
const SIGNIFICANT = 0.01;
/** A significant trend is let pass while it changes no more than this share of the median over the baseline. */
const TOLERATED = 0.5;

/** And while it is less than this share of an upper bound: a few milliseconds of 250 change no verdict. */
const FELT = 0.1;

export interface DriftLimits {
  /** The SLI's bound in the steady state. */
  bound: Threshold;
  unit: Unit;
  /** How long the fault is going to last, in seconds after the baseline. */
  horizonS: number;
}

/** One sentence that says how the baseline drifts; null when it does not, or not enough to matter. */
export function driftOf(trend: Trend | null, { bound, unit, horizonS }: DriftLimits): string | null {
  if (!trend || trend.p_value >= SIGNIFICANT || trend.slope_per_s === 0) return null;
  const { change, median, slope_per_s } = trend;
  const span = change / slope_per_s;
  // The line goes through the median in the middle of the baseline.
  const ahead = median + slope_per_s * (span / 2 + horizonS);
  const problems: string[] = [];
  const felt = bound.comparison.startsWith("<") ? FELT * bound.value : 0;
  if (Math.abs(change) > TOLERATED * Math.abs(median) && Math.abs(change) > felt)
    problems.push(`which is more than half of its median of ${showSli(median, unit)}`);
  if (!meets(ahead, bound)) {
    const reached = showSli(possible(ahead, unit), unit);
    problems.push(
      `and carried on over ${horizonS} s of fault it would be ${reached} by itself, not ${showBound(bound, unit)}`,
    );
  }
  if (problems.length === 0) return null;
  const moved = `${change > 0 ? "rose" : "fell"} by ${showSli(Math.abs(change), unit)} over the baseline`;
  return `it ${moved} (Mann-Kendall ${showP(trend.p_value)}), ${problems.join(", ")}`;
}

/** What a line reaches, an SLI may not. */
const possible = (value: number, unit: Unit): number =>
  Math.max(0, unit === "share" ? Math.min(1, value) : value);

const showP = (p: number): string => (p < 0.0001 ? "p < 0.0001" : `p = ${Number(p.toPrecision(2))}`);
