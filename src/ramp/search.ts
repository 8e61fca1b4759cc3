/**
 * Which rate to try next, and what the tried ones say. Pure functions over the steps of one repeat.
 * @module
 */
import type { RampPlan, RampRepeat, RampStep } from "../model/ramp.ts";

/** The search ends when the lowest rate that broke is this much above the highest below it that held. */
const RESOLUTION = 0.05;

type Tried = Pick<RampStep, "rate_rps" | "verdict">;
type Range = Pick<RampPlan, "from_rps" | "to_rps" | "factor" | "step_rps">;

/** The rates that a search without a breach goes through, rising. */
export function ladder({ from_rps, to_rps, factor, step_rps }: Range): number[] {
  const rungs: number[] = [];
  for (let rate = from_rps; rate < to_rps; ) {
    rungs.push(rate);
    const next = step_rps === null ? Math.round(rate * (factor ?? 2)) : rate + step_rps;
    rate = Math.max(next, rate + 1);
  }
  return [...rungs, to_rps];
}

/** Highest rate that held below the lowest that broke. Of a rate tried again the last try counts. */
export function bracket<T extends Tried>(steps: readonly T[]): { held: T | null; broke: T | null } {
  const last = [...new Map(steps.map((step) => [step.rate_rps, step])).values()].sort(
    (a, b) => a.rate_rps - b.rate_rps,
  );
  const broke = last.find((step) => step.verdict.result !== "ok") ?? null;
  const below = last.filter((step) => step.rate_rps < (broke?.rate_rps ?? Number.POSITIVE_INFINITY));
  return { held: below.at(-1) ?? null, broke };
}

/**
 * Up the ladder until a rate breaks (down, where the first one did), then between the two by bisection; with a fixed
 * distance between the rungs that is the resolution. The rate that would then be named as broken is tried once more: a
 * hiccup of the machine breaks a rate too, and where it holds now the search goes on. Null when it is over.
 * @param hint a rate to begin at.
 */
export function nextRate(range: Range, steps: readonly Tried[], hint: number): number | null {
  const rungs = ladder(range);
  if (steps.length === 0) return rungs.findLast((rung) => rung <= hint) ?? range.from_rps;
  const { held, broke } = bracket(steps);
  if (!broke) return rungs.find((rung) => rung > (held?.rate_rps ?? 0)) ?? null;
  const between = held === null ? rungs.findLast((rung) => rung < broke.rate_rps) : split(range, held, broke);
  if (between !== null && between !== undefined) return between;
  const tries = steps.filter((step) => step.rate_rps === broke.rate_rps).length;
  return tries === 1 ? broke.rate_rps : null;
}

/** The rate to try between two; null where they are close enough. */
function split(range: Range, { rate_rps: low }: Tried, { rate_rps: high }: Tried): number | null {
  if (high - low <= Math.max(range.step_rps ?? RESOLUTION * high, 1)) return null;
  const rung = range.step_rps === null ? undefined : ladder(range).find((each) => each > low && each < high);
  return rung ?? Math.round((low + high) / 2);
}

/** Where the next repeat begins: well below the last breakpoint, so that it is found anew and soon. */
export const hintFrom = (breakpointRps: number | null, fromRps: number): number =>
  breakpointRps === null ? fromRps : breakpointRps * 0.6;

/** @param finished false when the search was stopped. */
export function concludeRepeat(repeat: number, steps: readonly Tried[], finished: boolean): RampRepeat {
  const { held, broke } = bracket(steps);
  const rates = { breakpoint_rps: null, broke_rps: broke?.rate_rps ?? null };
  const say = (outcome: RampRepeat["outcome"], why: string): RampRepeat => ({
    repeat,
    outcome,
    ...rates,
    why,
  });
  if (!finished) return say("unfinished", "stopped before the breakpoint was known");
  if (!broke) return say("not_reached", `nothing broke up to ${held?.rate_rps ?? 0} rps`);
  const at = `${broke.rate_rps} rps: ${broke.verdict.why}`;
  if (broke.verdict.result === "generator_limited") return say("generator_limited", `at ${at}`);
  if (!held) return say("below_range", `broke already at ${at}`);
  return { ...say("found", `at ${at}`), breakpoint_rps: held.rate_rps };
}
