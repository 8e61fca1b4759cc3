/**
 * What a scenario's schema cannot say: names that must exist, texts that must be readable, values that must be there.
 * @module
 */
import { durationMs } from "../../cli/flags.ts";
import { suggestion } from "../../config/nearest.ts";
import type { Fail } from "../../config/yaml-file.ts";
import type { LoadDefaults, Scenario, Variable } from "../../model/scenario.ts";
import { isRate, parseStages } from "../stages.ts";
import { parseLoadThreshold } from "../thresholds.ts";
import { RequestRules } from "./request-rules.ts";
import { BUILT_IN } from "./variables.ts";

type Path = readonly string[];

/** @throws the error of the first rule that is broken. */
export function checkScenario(scenario: Scenario, fail: Fail): void {
  checkTargets(scenario, fail);
  checkTenants(scenario, fail);
  for (const [name, variable] of Object.entries(scenario.variables ?? {})) {
    checkVariable(name, variable, ["variables", name], fail);
  }
  checkLoad(scenario.load ?? {}, fail);
  const rules = new RequestRules(scenario, fail);
  for (const [i, spec] of (scenario.setup ?? []).entries()) {
    rules.check(spec, ["setup", String(i)]);
    rules.captured(spec);
  }
  const names = new Set<string>();
  for (const [i, spec] of scenario.operations.entries()) {
    const at = ["operations", String(i)];
    if (names.has(spec.name)) throw fail([...at, "name"], `${spec.name} is used twice`);
    names.add(spec.name);
    rules.check(spec, at);
    for (const [k, slo] of (spec.slo ?? []).entries()) {
      const parsed = parseLoadThreshold(slo);
      const problem =
        typeof parsed === "string" ? parsed : parsed.operation && "an operation's own is about no other";
      if (problem) throw fail([...at, "slo", String(k)], `${JSON.stringify(slo)}: ${problem}`);
      // Some metrics are only of the load as a whole.
      const own = parseLoadThreshold(`${spec.name}: ${slo}`);
      if (typeof own === "string") throw fail([...at, "slo", String(k)], `${JSON.stringify(slo)}: ${own}`);
    }
  }
}

/** The base URL that a text is; null when it is none. */
export function targetUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && !url.username && !url.password && !url.hash && !url.search;
  return isPlain && /^https?:$/.test(url.protocol) ? url : null;
}

function checkTargets({ targets, tls = {} }: Scenario, fail: Fail): void {
  for (const [name, text] of Object.entries(targets)) {
    if (targetUrl(text)) continue;
    const accepted = "http:// or https://, host and port, perhaps a path";
    throw fail(["targets", name], `${JSON.stringify(text)} is not a base URL; expected ${accepted}`);
  }
  for (const name of Object.keys(tls)) {
    const known = Object.keys(targets);
    const text = known.includes(name) ? targets[name] : undefined;
    if (text === undefined) {
      throw fail(["tls", name], `no such target${suggestion(name, known)}; targets: ${known.join(", ")}`);
    }
    if (targetUrl(text)?.protocol !== "https:") throw fail(["tls", name], `${text} is not https`);
  }
}

function checkTenants({ tenants }: Scenario, fail: Fail): void {
  if (!tenants) return;
  const { names, count } = tenants;
  if (names && count !== undefined)
    throw fail(["tenants", "count"], "takes the place of names; give one of them");
  for (const [i, name] of (names ?? []).entries()) {
    if (names?.indexOf(name) !== i) throw fail(["tenants", "names", String(i)], `${name} is there twice`);
  }
}

function checkVariable(name: string, variable: Variable, at: Path, fail: Fail): void {
  const kinds = ["int", "choice", "uuid", "string"] as const;
  if (BUILT_IN.some((each) => each === name)) throw fail(at, "is built in; take another name");
  const given = kinds.filter((kind) => variable[kind] !== undefined);
  if (given.length !== 1)
    throw fail(at, `has ${given.join(" and ") || "no kind"}; give one of ${kinds.join(", ")}`);
  const { int, choice, weights } = variable;
  if (int && int.max < int.min) throw fail([...at, "int", "max"], `${int.max} is less than min`);
  if (int && int.max - int.min >= 2 ** 32) throw fail([...at, "int", "max"], "more than 2^32 numbers");
  if (int?.digits !== undefined && int.min < 0)
    throw fail([...at, "int", "digits"], "only for numbers from 0 on");
  if (!weights) return;
  if (!choice) throw fail([...at, "weights"], "belong to a choice");
  if (weights.length !== choice.length) {
    throw fail([...at, "weights"], `${weights.length} weights for ${choice.length} choices`);
  }
  if (!weights.some((weight) => weight > 0)) throw fail([...at, "weights"], "are all 0");
}

function checkLoad(load: LoadDefaults, fail: Fail): void {
  const { rate, stages } = load;
  const bad = (key: keyof LoadDefaults, accepted: string): Error =>
    fail(["load", key], `${JSON.stringify(load[key])} is not ${accepted}`);
  for (const key of ["for", "timeout"] as const) {
    const ms = durationMs(load[key] ?? "1s");
    if (ms === null || ms < 1) throw bad(key, "a duration such as 500ms, 30s or 1m30s");
  }
  if (rate !== undefined && !isRate(String(rate))) throw bad("rate", "a rate such as 100 or 100..2000");
  if (stages === undefined) return;
  if (!parseStages(stages)) throw bad("stages", "a list such as '500 for 30s, 500..2000 for 1m'");
  if (rate !== undefined || load.for !== undefined)
    throw fail(["load", "stages"], "takes the place of rate and for");
}
