/** The load of a schedule: the shop's built-in mix, or any system's scenario. @module */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { isScalar, parseDocument, Scalar, stringify } from "yaml";
import { suggestion } from "../config/nearest.ts";
import { type Problem, problemOf, readConfig } from "../config/yaml-file.ts";
import { parseScenario } from "../load/scenario/file.ts";
import { tenantsOf } from "../load/scenario/workload.ts";
import {
  type Load,
  type LoadScenario,
  ScenarioLoad,
  type ScheduleFile,
  ShopLoad,
} from "../model/schedule.ts";

/** Name of a scenario in a run's folder, where its schedule is. */
export const KEPT_SCENARIO = "scenario.yaml";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const fieldsOf = (schema: TSchema): string[] => Object.keys(schema.properties);

/**
 * What is wrong with the load of a schedule as it was read; null when nothing is. One that is no object at all, or is not
 * there, is left to the schedule's own check.
 */
export function loadProblem(schedule: unknown): Problem | null {
  if (!isObject(schedule) || !isObject(schedule.load)) return null;
  const { load } = schedule;
  const wrong = strayField(load) ?? problemOf("scenario" in load ? ScenarioLoad : ShopLoad, load);
  return wrong && { path: ["load", ...wrong.path], message: wrong.message };
}

/** Fields of the two kinds in one, or of neither. */
function strayField(load: Readonly<Record<string, unknown>>): Problem | null {
  const [shop, scenario] = [fieldsOf(ShopLoad), fieldsOf(ScenarioLoad)];
  const own = "scenario" in load ? scenario : shop;
  const stray = Object.keys(load).find((field) => !own.includes(field));
  if (stray === undefined) return null;
  const message = shop.includes(stray)
    ? `does not go with scenario; accepted here: ${scenario.join(", ")}`
    : `unknown field${suggestion(stray, [...shop, ...scenario])}; accepted here: ${shop.join(", ")}; or ${scenario.join(", ")}`;
  return { path: [stray], message };
}

/**
 * The load as it is run, or what is wrong with its reference.
 * @param folder that the scenario's path is relative to.
 * @throws {ChaoslabError} `badConfig` for a scenario that is wrong, with its own place.
 */
export function resolveLoad(load: ScheduleFile["load"], folder: string): Load | Problem {
  if (!("scenario" in load)) return { ...load, scenario: null };
  const path = resolve(folder, load.scenario);
  if (!existsSync(path)) return { path: ["load", "scenario"], message: `${path}: no such file` };
  return { ...load, scenario: readScenario(path) };
}

function readScenario(path: string): LoadScenario {
  const source = readConfig(path);
  const { name, operations, tenants } = parseScenario(source, relative(".", path));
  const total = operations.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return {
    name,
    path,
    source,
    operations: operations.map((operation) => operation.name),
    shares: Object.fromEntries(operations.map((each) => [each.name, (each.weight ?? 1) / total])),
    tenants: tenantsOf(tenants),
  };
}

/** The text of a schedule with its scenario beside it, under the name it is kept by; all the rest of it as it was. */
export function besideScenario(source: string): string {
  const document = parseDocument(source);
  const node = document.getIn(["load", "scenario"], true);
  const types: unknown[] = [Scalar.PLAIN, Scalar.QUOTE_SINGLE, Scalar.QUOTE_DOUBLE];
  if (isScalar(node) && node.range && types.includes(node.type)) {
    return `${source.slice(0, node.range[0])}${KEPT_SCENARIO}${source.slice(node.range[1])}`;
  }
  // An alias, or a text over several lines.
  const { load, ...rest } = document.toJS() as ScheduleFile;
  return stringify({ ...rest, load: { ...load, scenario: KEPT_SCENARIO } });
}
