/**
 * From the repeats to a breakpoint with its confidence, or to the reason why none can be named.
 * @module
 */
import type { Breakpoint, RampPlan, RampRepeat } from "../model/ramp.ts";
import { seeded } from "../model/random.ts";

/** A spread above this share of the median says that the repeats do not agree. */
const STABLE_SPREAD = 0.2;
const FEWEST_FOR_INTERVAL = 5;
const RESAMPLES = 10_000;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle - 0.5)] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/**
 * Percentile bootstrap of the median (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3).
 * Order statistics would not do: five values give at most 94 %.
 */
function interval(values: readonly number[], seed: number): Breakpoint["interval_95"] {
  if (values.length < FEWEST_FOR_INTERVAL) return null;
  const random = seeded(seed);
  const draw = (): number => values[Math.floor(random() * values.length)] ?? 0;
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(draw))).sort((a, b) => a - b);
  return {
    low_rps: medians[Math.floor(0.025 * RESAMPLES)] ?? 0,
    high_rps: medians[Math.ceil(0.975 * RESAMPLES) - 1] ?? 0,
    method: `percentile bootstrap of the median, ${RESAMPLES} resamples, seed ${seed}`,
  };
}

/** What to do about each outcome that is no breakpoint. */
const ADVICE: Readonly<Record<Exclude<RampRepeat["outcome"], "found">, string>> = {
  generator_limited:
    "the load generator, not the system, was the limit; give it more --connections, a core of its own, or a machine of its own",
  not_reached: "the system carries more than was asked of it; raise --to",
  below_range: "the system carries less than the lowest rate; lower --from",
  unfinished: "the search was stopped before it was known",
};

export interface Conclusion {
  breakpoint: Breakpoint | null;
  no_breakpoint: string | null;
  steady_rate_rps: number | null;
}

/** A breakpoint needs more than half of the repeats that came to an end. */
export function conclude(
  all: readonly RampRepeat[],
  { steady_share, to_rps }: Pick<RampPlan, "steady_share" | "to_rps">,
  seed: number,
): Conclusion {
  const ended = all.filter((repeat) => repeat.outcome !== "unfinished");
  const found = ended.flatMap(({ breakpoint_rps }) => (breakpoint_rps === null ? [] : [breakpoint_rps]));
  if (found.length === 0 || found.length * 2 <= ended.length) {
    const no_breakpoint = explain(ended, to_rps);
    return { breakpoint: null, no_breakpoint, steady_rate_rps: null };
  }
  const rps = median(found);
  const [min_rps, max_rps] = [Math.min(...found), Math.max(...found)];
  const spread_share = Number(((max_rps - min_rps) / rps).toFixed(4));
  const agree = spread_share <= STABLE_SPREAD && found.length === ended.length;
  const breakpoint = {
    rps,
    per_repeat: found,
    min_rps,
    max_rps,
    spread_share,
    interval_95: interval(found, seed),
    stable: ended.length < 2 ? null : agree,
  };
  return { breakpoint, no_breakpoint: null, steady_rate_rps: Number((rps * steady_share).toPrecision(3)) };
}

/** The outcome of most repeats speaks for all; of as many, the one that says the least about the system. */
function explain(ended: readonly RampRepeat[], toRps: number): string {
  const order = ["generator_limited", "below_range", "not_reached"] as const;
  const count = (outcome: RampRepeat["outcome"]): number =>
    ended.filter((repeat) => repeat.outcome === outcome).length;
  const worst = order.toSorted((a, b) => count(b) - count(a))[0] ?? "not_reached";
  if (count(worst) === 0) return ADVICE.unfinished;
  if (worst === "not_reached") return `no breakpoint up to ${toRps} rps: ${ADVICE.not_reached}`;
  const example = ended.find((repeat) => repeat.outcome === worst);
  return `${example?.why}: ${ADVICE[worst]}`;
}
