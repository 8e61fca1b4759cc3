/** How far the repeats of a hypothesis agree. @module */
import { RESULTS, type Result, type Verdict } from "../model/verdict.ts";

export interface Stability {
  hypothesis: string;
  repeats: number;
  /** How often each result came out; those that did not are left out. */
  results: Partial<Record<Result, number>>;
  /** Share of repeats with the result that came out most often. */
  agreement: number;
  /** Least, median and most of each, over the repeats that have it. */
  fault_p99_ms: Spread | null;
  fault_err_rate: Spread | null;
  mttr_s: Spread | null;
}

export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** One row per hypothesis that was run more than once. */
export function stabilityOf(verdicts: readonly Verdict[]): Stability[] {
  return [...Map.groupBy(verdicts, ({ hypothesis }) => hypothesis)]
    .filter(([, all]) => all.length > 1)
    .map(([hypothesis, all]) => {
      const counts = RESULTS.map(
        (result) => [result, all.filter((each) => each.result === result).length] as const,
      );
      const results = Object.fromEntries(counts.filter(([, n]) => n > 0));
      return {
        hypothesis,
        repeats: all.length,
        results,
        agreement: Math.max(...counts.map(([, n]) => n)) / all.length,
        fault_p99_ms: spreadOf(all.map((each) => each.fault_p99)),
        fault_err_rate: spreadOf(all.map((each) => each.fault_err_rate)),
        mttr_s: spreadOf(all.map((each) => each.mttr_s)),
      };
    });
}

function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const [min, max] = [known[0], known.at(-1)];
  if (min === undefined || max === undefined) return null;
  const half = known.length / 2;
  const median = ((known[Math.ceil(half) - 1] ?? min) + (known[Math.floor(half)] ?? max)) / 2;
  return { min, median, max };
}
