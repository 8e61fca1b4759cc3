/**
 * Error budgets: how much an experiment cost of what the objectives allow.
 *
 * An objective allows a share of requests to miss it: `error_rate < 0.1 %` one in a thousand, `p99 < 250 ms` one in a
 * hundred to be slower than that. Over the budget's window of days, at the schedule's rate, that is a number of requests
 * (Beyer et al., The Site Reliability Workbook, 2018, chapter 2).
 * @module
 */
import { type Counts, slowerThan } from "../load/counts.ts";
import type { Operation } from "../model/load.ts";
import type { ErrorBudget, Load, Schedule } from "../model/schedule.ts";
import { type LoadSli, quantileOf, type Threshold } from "../model/sli.ts";
import type { BudgetOutcome, Phases } from "../model/verdict.ts";
import type { Bounds } from "./bounds.ts";
import type { Measurements } from "./measurements.ts";

const DAY_S = 86_400;
/** What is reported where the schedule has no budget of its own: the usual 30 days. */
export const DEFAULT_WINDOW_DAYS = 30;

/** Share of requests that may miss the objective; null where that makes no sense, as for goodput or a bound from below. */
export function allowedShare({ measure }: LoadSli, { comparison, value }: Threshold): number | null {
  const upper = comparison === "<" || comparison === "<=";
  if (measure === "goodput") return null;
  if (measure === "availability") return upper ? null : 1 - value;
  if (!upper) return null;
  const quantile = quantileOf(measure);
  return quantile === null ? value : 1 - quantile;
}

/** Requests that missed it. */
export function badOf(counts: Counts, { measure }: LoadSli, { value }: Threshold): number {
  if (quantileOf(measure) !== null) return slowerThan(counts, value);
  return measure === "degraded_rate" ? counts.degraded : counts.requests - counts.good;
}

/** Share of a load's requests that are of an operation. */
function shareOf(load: Load, operation: Operation): number {
  if (load.scenario) return load.scenario.shares[operation] ?? 0;
  return operation === "POST /orders" ? 1 - load.reads : load.reads;
}

/** Requests that may miss an objective in the budget's window. */
export function allowedRequests(
  sli: LoadSli,
  objective: Threshold,
  load: Load,
  windowDays: number,
): number | null {
  const share = allowedShare(sli, objective);
  if (share === null) return null;
  return share * load.rate * shareOf(load, sli.operation) * windowDays * DAY_S;
}

export function budgetOutcomes(
  measurements: Measurements,
  bounds: readonly Bounds[],
  { load, error_budget }: Pick<Schedule, "load" | "error_budget">,
  { fault, recovery }: Phases,
): BudgetOutcome[] {
  if (!fault) return [];
  const to = recovery?.[1] ?? fault[1];
  return bounds.flatMap(({ name, sli, steady }) => {
    if (sli.source !== "load") return [];
    const allowed = allowedRequests(sli, steady, load, error_budget?.window_days ?? DEFAULT_WINDOW_DAYS);
    if (!allowed) return [];
    const bad = badOf(measurements.history.window(sli.operation, fault[0], to), sli, steady);
    return [{ sli: name, bad, allowed: Math.round(allowed), spent_share: bad / allowed }];
  });
}

/** `5 %` as a share. */
export const maxSpend = ({ max_spend }: ErrorBudget): number => Number.parseFloat(max_spend) / 100;
