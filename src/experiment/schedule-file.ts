/**
 * Reads a schedule file. What is wrong is reported by file, line, column and field, before anything is done.
 * @module
 */
import { dirname } from "node:path";
import { type Fail, parseYaml, problemOf, readConfig } from "../config/yaml-file.ts";
import { brokenRule, PARAMS } from "../model/params.ts";
import { Schedule, type Slos } from "../model/schedule.ts";
import { parseThreshold, SLIS, type SliName, type Threshold } from "../model/sli.ts";
import { resolveRate } from "./steady-rate.ts";

/** A bound that was checked when the file was read. */
export function threshold(text: string, sli: SliName): Threshold {
  const parsed = parseThreshold(text, SLIS[sli].unit);
  if (!parsed) throw new RangeError(`${JSON.stringify(text)} is not a bound on ${sli}`);
  return parsed;
}

/** @param rate takes the place of the schedule's. */
export function loadSchedule(file: string, rate?: number): { schedule: Schedule; source: string } {
  const source = readConfig(file);
  return { schedule: parseSchedule(source, file, rate), source };
}

/** Parses and checks a schedule. `file` is for messages, and its folder is where paths begin. */
export function parseSchedule(source: string, file: string, rate?: number): Schedule {
  const { value, fail } = parseYaml(source, file, Schedule, "a schedule", (unchecked) => {
    const message = resolveRate(unchecked, dirname(file), rate);
    return message === null ? null : { path: ["load", "rate"], message };
  });
  checkBounds(value, fail);
  return value;
}

/** What the schema cannot say: units of bounds, names used twice, values that depend on each other. */
function checkBounds(schedule: Schedule, fail: Fail): void {
  const bound = (text: string, sli: SliName, path: readonly string[]): void => {
    if (parseThreshold(text, SLIS[sli].unit)) return;
    const example = SLIS[sli].unit === "ms" ? '"< 250 ms" or "< 1 s"' : '"< 0.1 %" or ">= 99.9 %"';
    throw fail(path, `${JSON.stringify(text)} is not a bound on ${sli}; write for example ${example}`);
  };
  const slos: Slos = schedule.slos;
  for (const [sli, slo] of Object.entries(slos)) {
    for (const key of ["steady", "fault"] as const) bound(slo[key], sli as SliName, ["slos", sli, key]);
  }
  const names = new Set<string>();
  for (const [i, hypothesis] of schedule.hypotheses.entries()) {
    const at = ["hypotheses", String(i)];
    if (names.has(hypothesis.name)) throw fail([...at, "name"], `${hypothesis.name} is used twice`);
    names.add(hypothesis.name);
    bound(hypothesis.steady_state, hypothesis.sli, [...at, "steady_state"]);
    bound(hypothesis.slo_threshold, hypothesis.sli, [...at, "slo_threshold"]);
    const stop = hypothesis.stop_condition;
    if (stop) bound(stop.threshold, stop.sli, [...at, "stop_condition", "threshold"]);
    const { type, target, params } = hypothesis.fault;
    const wrong = problemOf(PARAMS[type], params);
    if (wrong) throw fail([...at, "fault", "params", ...wrong.path], wrong.message);
    const broken = brokenRule(type, params, target);
    if (broken) throw fail([...at, "fault", "params", broken.field], broken.message);
  }
}
