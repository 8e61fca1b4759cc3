/**
 * Reads a YAML file against a schema. What is wrong is reported by file, line, column and field.
 * @module
 */
import { readFileSync } from "node:fs";
import type { Static, TSchema } from "@sinclair/typebox";
import { Value, type ValueError } from "@sinclair/typebox/value";
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { suggestion } from "./nearest.ts";

/** The error for the field at a path; the message follows the field's name. */
export type Fail = (path: readonly string[], message: string) => ChaoslabError;

export interface Problem {
  path: string[];
  message: string;
}

/** Deeper than any file of ours; an alias to what contains it has no end. */
const MAX_DEPTH = 100;

/** The text of a configuration file. */
export function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("badConfig", `${file}: ${why}`);
  }
}

/**
 * Parses a text and checks it. `fail` makes the errors of what the schema cannot say.
 * @param file for messages only.
 * @param what the text should be, e.g. `a schedule`.
 * @param resolve puts what references name in their place, before the check.
 */
export function parseYaml<T extends TSchema>(
  source: string,
  file: string,
  schema: T,
  what: string,
  resolve: (value: unknown) => Problem | null = () => null,
): { value: Static<T>; fail: Fail } {
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: "error",
  });
  const at = (offset: number, field: string, message: string): ChaoslabError => {
    const { line, col } = lines.linePos(offset);
    const position = `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
    return new ChaoslabError("badConfig", `${position}: ${field ? `${field}: ` : ""}${message}`);
  };
  const syntax = document.errors[0];
  if (syntax) throw at(syntax.pos[0], "", reasonOf(syntax));

  const fail: Fail = (path, message) => at(offsetOf(document.contents, path), path.join("."), message);
  const value = plainValue(document, fail);
  const problem = resolve(value) ?? problemOf(schema, value);
  if (problem) throw fail(problem.path, problem.message);
  if (!Value.Check(schema, value)) throw fail([], `is not ${what}`);
  return { value, fail };
}

/** What is wrong with a value first, by its schema; null when nothing is. */
export function problemOf(schema: TSchema, value: unknown): Problem | null {
  const first = mostTelling([...Value.Errors(schema, value)]);
  return first ? { path: pointer(first.path), message: explain(first) } : null;
}

function plainValue(document: Document, fail: Fail): unknown {
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    throw fail([], reasonOf(error));
  }
  const problem = notPlain(value, []);
  if (problem) throw fail(problem.path, problem.message);
  return value;
}

/** The first value that JSON has no word for: YAML knows more, and an alias may stand inside what it repeats. */
function notPlain(value: unknown, path: string[]): Problem | null {
  if (path.length > MAX_DEPTH) return { path: path.slice(0, 1), message: "is nested too deeply" };
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : { path, message: `${value} is not a number that JSON has` };
  }
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (typeof value !== "object" || !plain) return { path, message: "is not plain data" };
  for (const [key, child] of Object.entries(value)) {
    const problem = notPlain(child, [...path, key]);
    if (problem) return problem;
  }
  return null;
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

/** A schema's `description` says what is accepted, where its rule alone would not. */
function explain(error: ValueError): string {
  const { schema, value, message } = error;
  const { description } = schema;
  if (isUnknownField(error)) {
    const known = knownKeys(error);
    const name = pointer(error.path).at(-1) ?? "";
    if (known.length > 0) {
      return `unknown field${suggestion(name, known)}; accepted here: ${known.join(", ")}`;
    }
    return description ? `not accepted; a name here is ${description}` : "unknown field";
  }
  if (value === undefined) return "is missing";
  const choices: unknown[] = Array.isArray(schema.anyOf)
    ? schema.anyOf.map((each: { const?: unknown }) => each.const)
    : [];
  if (choices.length > 0 && choices.every((choice) => typeof choice === "string")) {
    const meant = typeof value === "string" ? suggestion(value, choices) : "";
    return `${show(value)} is not accepted${meant}; one of ${choices.join(", ")}`;
  }
  if (description) return `${show(value)} is not accepted; expected ${description}`;
  return `${show(value)}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

const MAX_SHOWN = 80;

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
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
