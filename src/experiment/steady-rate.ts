/**
 * The rate of a schedule that refers to what `chaoslab ramp` found: `rate: { from: results/ramp/ramp.json }`.
 * @module
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { codeOf, reasonOf } from "../cli/errors.ts";
import type { RampDocument } from "../model/ramp.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Puts the number in the reference's place, in `schedule` itself. Returns what is wrong with it, if anything is.
 * @param schedule as read, not checked yet: what is neither a reference nor a number is left to the check.
 * @param folder that the path is relative to.
 * @param override takes the place of whatever the schedule says.
 */
export function resolveRate(schedule: unknown, folder: string, override?: number): string | null {
  if (!isObject(schedule) || !isObject(schedule.load)) return null;
  const { load } = schedule;
  if (override !== undefined) {
    load.rate = override;
    return null;
  }
  if (!isObject(load.rate) || typeof load.rate.from !== "string" || Object.keys(load.rate).length !== 1)
    return null;
  const file = resolve(folder, load.rate.from);
  const rate = steadyRateOf(file);
  if (typeof rate === "string") return `${file}: ${rate}`;
  load.rate = rate;
  return null;
}

/** In requests per second, or what is wrong. */
function steadyRateOf(file: string): number | string {
  let ramp: Partial<RampDocument> | null;
  try {
    ramp = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return codeOf(error) === "ENOENT" ? "no such file; chaoslab ramp writes it" : reasonOf(error);
  }
  if (ramp?.kind !== "ramp") return "is not what chaoslab ramp writes";
  if (typeof ramp.steady_rate_rps === "number") return ramp.steady_rate_rps;
  return `has no steady rate: ${ramp.no_breakpoint ?? "the search is not over"}`;
}
