/** Bounds of a hypothesis, and what is out of them: pure functions over the measurements. @module */
import type { Hypothesis, Schedule } from "../model/schedule.ts";
import { meets, type Sli, showBound, showSli, type Threshold, threshold } from "../model/sli.ts";
import type { Measurements } from "./measurements.ts";

/** SLIs must be back for this many seconds in a row, and over all the time that is left, to count as recovered. */
export const STABLE_S = 5;

export interface Bounds {
  name: string;
  sli: Sli;
  steady: Threshold;
  fault: Threshold;
}

/** Every SLO of the schedule, with the hypothesis's own bounds for its own SLI. */
export function boundsOf(hypothesis: Hypothesis, { slos, slis }: Pick<Schedule, "slos" | "slis">): Bounds[] {
  const texts = {
    ...slos,
    [hypothesis.sli]: { steady: hypothesis.steady_state, fault: hypothesis.slo_threshold },
  };
  return Object.entries(texts).flatMap(([name, slo]) => {
    const sli = slis[name];
    return sli ? [{ name, sli, steady: threshold(slo.steady, sli), fault: threshold(slo.fault, sli) }] : [];
  });
}

/** The SLIs out of their steady bound over a window, in words. Empty: the steady state holds. */
export function steadyBreaches(
  measurements: Measurements,
  bounds: readonly Bounds[],
  from: number,
  to: number,
): string[] {
  return bounds.flatMap(({ name, sli, steady }) => {
    const value = measurements.over(name, from, to);
    if (meets(value, steady)) return [];
    return [
      `${name} was ${showSli(value, sli.unit, measurements.timeoutMs)}, not ${showBound(steady, sli.unit)}`,
    ];
  });
}

/**
 * First arrival second from which every SLI is inside its steady bound for STABLE_S seconds and over all the rest of the
 * observation; null when there is none.
 */
export function recoveredAt(
  measurements: Measurements,
  bounds: readonly Bounds[],
  from: number,
  to: number,
): number | null {
  const rests = bounds.map(({ name, steady }) => ({
    name,
    steady,
    rest: measurements.suffixes(name, from, to),
  }));
  for (let second = from; second + STABLE_S <= to; second++) {
    const isBack = rests.every(
      ({ name, steady, rest }) =>
        meets(rest[second - from] ?? null, steady) &&
        meets(measurements.over(name, second, second + STABLE_S), steady),
    );
    if (isBack) return second;
  }
  return null;
}
