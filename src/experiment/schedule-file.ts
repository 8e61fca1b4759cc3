/**
 * Reads a schedule file. What is wrong is reported by file, line, column and field, before anything is done.
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Value, type ValueError } from "@sinclair/typebox/value";
import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { brokenRule, PARAMS } from "../model/params.ts";
import { Schedule, type Slos } from "../model/schedule.ts";
import { parseThreshold, SLI_NAMES, SLIS, type SliName, type Threshold } from "../model/sli.ts";
import { resolveRate } from "./steady-rate.ts";

/** A bound that was checked when the file was read. */
export function threshold(text: string, sli: SliName): Threshold {
  const parsed = parseThreshold(text, SLIS[sli].unit);
  if (!parsed) throw new RangeError(`${JSON.stringify(text)} is not a bound on ${sli}`);
  return parsed;
}

/** @param rate takes the place of the schedule's. */
export function loadSchedule(file: string, rate?: number): { schedule: Schedule; source: string } {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("badConfig", `${file}: ${why}`);
  }
  return { schedule: parseSchedule(source, file, rate), source };
}

/** Parses and checks a schedule. `file` is for messages, and its folder is where paths begin. */
export function parseSchedule(source: string, file: string, rate?: number): Schedule {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors[0];
  if (syntax) throw badConfig(file, lines, syntax.pos[0], "", reasonOf(syntax));

  const fail = (path: readonly string[], message: string): ChaoslabError =>
    badConfig(file, lines, offsetOf(document.contents, path), path.join("."), message);

  const value: unknown = document.toJS();
  const unresolved = resolveRate(value, dirname(file), rate);
  if (unresolved !== null) throw fail(["load", "rate"], unresolved);
  const first = mostTelling([...Value.Errors(Schedule, value)]);
  if (first) throw fail(pointer(first.path), explain(first));
  if (!Value.Check(Schedule, value)) throw fail([], "is not a schedule");
  checkBounds(value, fail);
  return value;
}

type Fail = (path: readonly string[], message: string) => ChaoslabError;

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
    const wrong = mostTelling([...Value.Errors(PARAMS[type], params)]);
    if (wrong) throw fail([...at, "fault", "params", ...pointer(wrong.path)], explain(wrong));
    const broken = brokenRule(type, params, target);
    if (broken) throw fail([...at, "fault", "params", broken.field], broken.message);
  }
}

const isUnknownField = (error: ValueError): boolean => error.message.startsWith("Unexpected property");
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

/** Of TypeBox's errors the first; where a field is missing and its sibling is unknown, that is a typo: the sibling. */
function mostTelling(errors: readonly ValueError[]): ValueError | undefined {
  const [first] = errors;
  if (!first || first.value !== undefined) return first;
  return (
    errors.find((error) => isUnknownField(error) && parentOf(error.path) === parentOf(first.path)) ?? first
  );
}

function explain(error: ValueError): string {
  const { schema, value, message } = error;
  const given = value === undefined ? "is missing" : `${JSON.stringify(value)} is not accepted`;
  const choices: unknown[] = Array.isArray(schema.anyOf)
    ? schema.anyOf.map((each: { const?: unknown }) => each.const)
    : [];
  if (choices.length > 0 && choices.every((choice) => typeof choice === "string")) {
    return `${given}; one of ${choices.join(", ")}`;
  }
  if (isUnknownField(error)) {
    const known = error.path.split("/").at(-2) === "slos" ? SLI_NAMES : knownKeys(error);
    return `unknown field${known.length > 0 ? `; accepted here: ${known.join(", ")}` : ""}`;
  }
  if (value === undefined) return "is missing";
  return `${JSON.stringify(value)}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

function knownKeys(error: ValueError): string[] {
  const properties: unknown = error.schema.properties;
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

function pointer(path: string): string[] {
  return path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Offset of the node at a path, or of the nearest one above it that exists. For a map's entry: of its key. */
function offsetOf(root: Node | null, path: readonly string[]): number {
  let node: unknown = root;
  let offset = 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === part);
      if (!pair) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items)) {
      node = node.items[Number(part)];
      const range: unknown = typeof node === "object" && node !== null && "range" in node ? node.range : null;
      if (Array.isArray(range) && typeof range[0] === "number") offset = range[0];
    } else break;
  }
  return offset;
}

function badConfig(
  file: string,
  lines: LineCounter,
  offset: number,
  field: string,
  message: string,
): ChaoslabError {
  const { line, col } = lines.linePos(offset);
  return new ChaoslabError("badConfig", `${file}:${line}:${col}: ${field ? `${field}: ` : ""}${message}`);
}
