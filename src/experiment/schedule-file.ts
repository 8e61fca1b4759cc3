/**
 * Reads a schedule file. What is wrong is reported by file, line, column and field, before anything is done.
 * @module
 */
import { dirname, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { ChaoslabError } from "../cli/errors.ts";
import { suggestion } from "../config/nearest.ts";
import { type Fail, parseYaml, problemOf, readConfig } from "../config/yaml-file.ts";
import { brokenRule, excludeEachOther, PARAMS } from "../model/params.ts";
import {
  DEFAULT_PROFILES,
  faultsOf,
  type Hypothesis,
  type Load,
  operationsOf,
  Schedule,
  type ScheduleFile,
  type StopCondition,
  type TimedFault,
} from "../model/schedule.ts";
import { BUILTIN_SLIS, parseThreshold, type Sli, type Unit } from "../model/sli.ts";
import { otherSystem, type Part, resolveIncludes } from "./include.ts";
import { besideScenario, loadProblem, resolveLoad } from "./schedule-load.ts";
import { resolveSli } from "./slis.ts";
import { resolveRate } from "./steady-rate.ts";

/**
 * @param rate takes the place of the schedule's.
 * @returns `source`: the text to be kept with a run, with what it includes in its place, and its scenario beside it.
 */
export function loadSchedule(file: string, rate?: number): { schedule: Schedule; source: string } {
  const source = readConfig(file);
  const { value, schedule, included } = read(source, file, rate, []);
  const whole = included ? stringify(value) : source;
  return { schedule, source: schedule.load.scenario ? besideScenario(whole) : whole };
}

/** Parses and checks a schedule. `file` is for messages, and its folder is where paths begin. */
export const parseSchedule = (source: string, file: string, rate?: number): Schedule =>
  read(source, file, rate, []).schedule;

interface Read {
  /** As it stands in the file, with what it includes in its place. */
  value: ScheduleFile;
  schedule: Schedule;
  included: boolean;
}

/** @param within files that include this one, each included by the one before. */
function read(source: string, file: string, rate: number | undefined, within: readonly string[]): Read {
  const parts: Part[] = [];
  const folder = dirname(file);
  const { value, fail } = parseYaml(source, file, Schedule, "a schedule", (unchecked) => {
    const message = resolveRate(unchecked, folder, rate);
    if (message !== null) return { path: ["load", "rate"], message };
    const wrong = loadProblem(unchecked);
    if (wrong) return wrong;
    const chain = [...within, resolve(file)];
    return resolveIncludes(unchecked, folder, (path) => {
      if (chain.includes(path))
        throw new ChaoslabError("badConfig", `${file}: include: ${path} includes itself`);
      // The including one's rate counts, whatever this one refers to.
      const name = relative(".", path);
      const { value: part, schedule } = read(readConfig(path), name, 1, chain);
      parts.push({ name, schedule });
      return part;
    });
  });
  const load = resolveLoad(value.load, folder);
  if ("message" in load) throw fail(load.path, load.message);
  for (const [i, part] of parts.entries()) {
    const message = otherSystem(part, load);
    if (message !== null) throw fail(["include", String(i)], message);
  }
  const slis = resolveSlis(value, load, fail);
  new Checker(value, load, slis, fail).check();
  return { value, schedule: { ...value, load, slis }, included: parts.length > 0 };
}

function resolveSlis({ slis = {}, prometheus }: ScheduleFile, load: Load, fail: Fail): Record<string, Sli> {
  const builtIn = load.scenario ? {} : BUILTIN_SLIS;
  const resolved: Record<string, Sli> = { ...builtIn };
  for (const [name, declared] of Object.entries(slis)) {
    if (name in builtIn) throw fail(["slis", name], "is built in; choose another name");
    const wrong = declared.operation === undefined ? null : operationProblem(declared.operation, load);
    if (wrong) throw fail(["slis", name, "operation"], wrong);
    const sli = resolveSli(declared);
    if ("message" in sli) throw fail(["slis", name, ...(sli.field ? [sli.field] : [])], sli.message);
    if (sli.source === "prometheus" && !prometheus) {
      throw fail(["slis", name, "query"], "needs prometheus: { url: http://host:port }");
    }
    resolved[name] = sli;
  }
  return resolved;
}

const EXAMPLES: Readonly<Record<Unit, string>> = {
  ms: '"< 250 ms" or "< 1 s"',
  share: '"< 0.1 %" or ">= 99.9 %"',
  rps: '">= 400 rps"',
  count: '"< 5"',
};

/** What is wrong with the name of an operation; null: it is one of the load's. */
function operationProblem(name: string, load: Load): string | null {
  const known = operationsOf(load);
  if (known.includes(name)) return null;
  return `${JSON.stringify(name)} is not accepted${suggestion(name, known)}; one of ${known.join(", ")}`;
}

/** What the schema cannot say: units of bounds, names used twice, values that depend on each other. */
class Checker {
  constructor(
    readonly schedule: ScheduleFile,
    readonly load: Load,
    readonly slis: Readonly<Record<string, Sli>>,
    readonly fail: Fail,
  ) {}

  check(): void {
    const {
      slos,
      profiles = {},
      profile,
      stop_conditions = [],
      experiments = {},
      hypotheses,
    } = this.schedule;
    for (const [name, slo] of Object.entries(slos)) {
      for (const key of ["steady", "fault"] as const)
        this.#bound(slo[key], name, ["slos", name, key], ["slos", name]);
    }
    if (profiles.full?.window_s !== undefined) {
      throw this.fail(
        ["profiles", "full", "window_s"],
        "is not accepted in full: each hypothesis has its own",
      );
    }
    const known = Object.keys({ ...DEFAULT_PROFILES, ...profiles });
    if (profile !== undefined && !known.includes(profile))
      throw this.fail(["profile"], `${profile} is not in profiles (${known.join(", ")})`);
    for (const [i, stop] of stop_conditions.entries()) this.#stop(stop, ["stop_conditions", String(i)]);
    const names = new Set<string>();
    for (const [i, hypothesis] of hypotheses.entries()) {
      const at = ["hypotheses", String(i)];
      if (names.has(hypothesis.name)) throw this.fail([...at, "name"], `${hypothesis.name} is used twice`);
      names.add(hypothesis.name);
      const { experiment } = hypothesis;
      if (experiment !== undefined && !Object.hasOwn(experiments, experiment)) {
        const known = Object.keys(experiments).join(", ") || "none";
        throw this.fail([...at, "experiment"], `${experiment} is not in experiments (${known})`);
      }
      this.#hypothesis(hypothesis, at);
    }
  }

  #hypothesis(hypothesis: Hypothesis, at: readonly string[]): void {
    const { sli, steady_state, slo_threshold, stop_condition, fault, faults, window_s } = hypothesis;
    for (const [i, operation] of (hypothesis.blast_radius ?? []).entries()) {
      const wrong = operationProblem(operation, this.load);
      if (wrong) throw this.fail([...at, "blast_radius", String(i)], wrong);
    }
    this.#bound(steady_state, sli, [...at, "steady_state"], [...at, "sli"]);
    this.#bound(slo_threshold, sli, [...at, "slo_threshold"], [...at, "sli"]);
    if (stop_condition) this.#stop(stop_condition, [...at, "stop_condition"]);
    if (!fault === !faults) {
      throw this.fail(faults ? [...at, "faults"] : at, "needs fault, or faults for several, and not both");
    }
    if (fault) this.#fault(fault, [...at, "fault"]);
    for (const [i, each] of (faults ?? []).entries()) {
      const place = [...at, "faults", String(i)];
      this.#fault(each, place);
      if ((each.at_s ?? 0) >= window_s) {
        throw this.fail([...place, "at_s"], `${each.at_s} is not before the window's end at ${window_s} s`);
      }
    }
    this.#together(hypothesis, at);
  }

  /** Two that are in force at one time must not be in each other's way. */
  #together(hypothesis: Hypothesis, at: readonly string[]): void {
    const faults = faultsOf(hypothesis, hypothesis.window_s);
    for (const [i, fault] of faults.entries()) {
      const clash = faults
        .slice(0, i)
        .findIndex(
          (other) =>
            other.at_s + other.for_s > fault.at_s &&
            fault.at_s + fault.for_s > other.at_s &&
            excludeEachOther(other, fault),
        );
      if (clash >= 0) {
        throw this.fail(
          [...at, "faults", String(i)],
          `acts on the same as faults.${clash}, at the same time`,
        );
      }
    }
  }

  #fault({ type, target, params }: TimedFault, at: readonly string[]): void {
    const wrong = problemOf(PARAMS[type], params);
    if (wrong) throw this.fail([...at, "params", ...wrong.path], wrong.message);
    const broken = brokenRule(type, params, target);
    if (broken) throw this.fail([...at, "params", broken.field], broken.message);
  }

  #stop({ sli, threshold }: StopCondition, at: readonly string[]): void {
    this.#bound(threshold, sli, [...at, "threshold"], [...at, "sli"]);
  }

  /** @param named where the SLI is named. */
  #bound(text: string, name: string, at: readonly string[], named: readonly string[]): void {
    const sli = this.slis[name];
    if (!sli) {
      const known = Object.keys(this.slis);
      const meant = suggestion(name, known);
      const others = known.length > 0 ? `one of ${known.join(", ")}, or ` : "";
      throw this.fail(named, `${JSON.stringify(name)} is no SLI${meant}; ${others}declare it in slis`);
    }
    if (parseThreshold(text, sli.unit)) return;
    throw this.fail(
      at,
      `${JSON.stringify(text)} is not a bound on ${name}; write for example ${EXAMPLES[sli.unit]}`,
    );
  }
}
