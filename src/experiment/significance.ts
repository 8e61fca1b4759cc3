/** Whether the fault moved an SLI, and by how much: seconds of the baseline against seconds of the fault. @module */
import type { Shift } from "../model/stats.ts";
import type { Phases } from "../model/verdict.ts";
import type { Measurements } from "./measurements.ts";
import { shiftBetween } from "./stats/shift.ts";

/** Null with too few seconds on either side. */
export function significanceOf(
  measurements: Measurements,
  sli: string,
  { baseline, fault }: Phases,
): Shift | null {
  if (!fault) return null;
  const known = (phase: [number, number]): number[] =>
    measurements.perSecond(sli, ...phase).filter((value) => value !== null);
  return shiftBetween(known(baseline), known(fault));
}
