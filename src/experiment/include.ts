/**
 * Schedules that take the hypotheses of others: `include: [node-kill.yaml, { file: cascade.yaml, only: [...] }]`.
 * @module
 */

import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Problem, problemOf } from "../config/yaml-file.ts";
import { Includes, type Load, operationsOf, type Schedule, type ScheduleFile } from "../model/schedule.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Puts what is included in its place, in `schedule` itself. Returns what is wrong with it, if anything is.
 * @param schedule as read, not checked yet.
 * @param folder that paths are relative to.
 * @param read an included schedule, checked by itself; what is wrong in it, it throws with its own place.
 */
export function resolveIncludes(
  schedule: unknown,
  folder: string,
  read: (file: string) => ScheduleFile,
): Problem | null {
  if (!isObject(schedule) || !("include" in schedule)) return null;
  const wrong = problemOf(Includes, schedule.include);
  if (wrong) return { path: ["include", ...wrong.path], message: wrong.message };
  const includes = schedule.include as Includes;
  const hypotheses: unknown[] = Array.isArray(schedule.hypotheses) ? schedule.hypotheses : [];
  for (const [i, include] of includes.entries()) {
    const path = ["include", String(i)];
    const { file, only } = typeof include === "string" ? { file: include, only: null } : include;
    const included = read(resolve(folder, file));
    const missing = only?.find((name) => !included.hypotheses.some((each) => each.name === name));
    if (missing !== undefined) {
      const names = included.hypotheses.map(({ name }) => name).join(", ");
      return { path: [...path, "only"], message: `${file} has no hypothesis ${missing}; it has ${names}` };
    }
    hypotheses.push(...included.hypotheses.filter(({ name }) => only?.includes(name) ?? true));
    for (const key of ["slis", "experiments"] as const) {
      const clash = merge(schedule, key, included[key] ?? {});
      if (clash) return { path, message: `${file} has ${key}.${clash} too, and means something else by it` };
    }
  }
  schedule.hypotheses = hypotheses;
  delete schedule.include;
  return null;
}

/** An included schedule, by itself. */
export interface Part {
  /** For messages. */
  name: string;
  schedule: Schedule;
}

/** Why the hypotheses of an included schedule are not about the system of this load; null: they may be. */
export function otherSystem({ name, schedule: { load, slis, hypotheses } }: Part, own: Load): string | null {
  const kind = ({ scenario }: Load): string => (scenario ? "a scenario" : "the shop's mix");
  if (kind(load) !== kind(own)) return `${name} has ${kind(load)} as its load, and this one ${kind(own)}`;
  const named = [
    ...Object.values(slis).flatMap((sli) => (sli.source === "load" ? [sli.operation] : [])),
    ...hypotheses.flatMap(({ blast_radius = [] }) => blast_radius),
  ];
  const known = operationsOf(own);
  const stray = named.find((operation) => !known.includes(operation));
  return stray === undefined
    ? null
    : `${name} names the operation ${JSON.stringify(stray)}, and this load has ${known.join(", ")}`;
}

/** Adds entries to a map of the schedule; the name of one that stands there already with another meaning. */
function merge(
  schedule: Record<string, unknown>,
  key: string,
  entries: Readonly<Record<string, unknown>>,
): string | null {
  const own = isObject(schedule[key]) ? schedule[key] : {};
  for (const [name, value] of Object.entries(entries)) {
    if (name in own && !isDeepStrictEqual(own[name], value)) return name;
    own[name] = value;
  }
  if (Object.keys(own).length > 0) schedule[key] = own;
  return null;
}
