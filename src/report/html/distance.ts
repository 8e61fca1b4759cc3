/** How far a system is from its steady state, as one number: what recovery curves show. @module */
import { type Bounds, STABLE_S } from "../../experiment/bounds.ts";
import type { Measurements } from "../../experiment/measurements.ts";
import type { Threshold, Unit } from "../../model/sli.ts";
import type { Column } from "./data.ts";

/** Beyond these a curve says no more: a hundredth of the bound, a thousand times the bound. */
export const LEAST = 0.01;
export const MOST = 1_000;

/**
 * A value as a multiple of its bound: 1 is at it, more is out. A share with a lower bound (availability) is turned into
 * what is missing of 1; another value with a lower bound is taken upside down.
 */
export function multipleOf(value: number, { comparison, value: bound }: Threshold, unit: Unit): number {
  const isUpper = comparison === "<" || comparison === "<=";
  const [above, below] = isUpper
    ? [value, bound]
    : unit === "share"
      ? [1 - value, 1 - bound]
      : [bound, value];
  const multiple = below > 0 ? above / below : above > 0 ? MOST : LEAST;
  return Math.min(MOST, Math.max(LEAST, multiple));
}

/**
 * For each second of [from, to): the SLI that is furthest out of its steady bound over the five seconds from there, the
 * same that recovery is judged by. Null where an SLI has no value, or fewer than five seconds are left.
 */
export function distanceOf(
  measurements: Measurements,
  bounds: readonly Bounds[],
  from: number,
  to: number,
): Column {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => {
    const second = from + i;
    if (second + STABLE_S > to || bounds.length === 0) return null;
    const multiples = bounds.map(({ name, sli, steady }) => {
      const value = measurements.over(name, second, second + STABLE_S);
      return value === null ? null : multipleOf(value, steady, sli.unit);
    });
    const known = multiples.filter((multiple) => multiple !== null);
    return known.length < multiples.length ? null : Math.max(...known);
  });
}
