/** The inject form of each fault type, made from the schema of its params. @module */
import type { TSchema } from "@sinclair/typebox";
import { EXAMPLES } from "../../model/examples.ts";
import { FAULT_TYPES, type FaultType, literalsOf, PARAMS } from "../../model/params.ts";
import type { FaultForm, Field } from "./fields.ts";

/** By the end of a param's name, longest first. */
const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ["_kb_per_s", "kB/s"],
  ["_percent", "%"],
  ["_bytes", "bytes"],
  ["_kbit", "kbit/s"],
  ["_mib", "MiB"],
  ["_ms", "ms"],
  ["_us", "µs"],
];

export function faultForms(): FaultForm[] {
  return FAULT_TYPES.map((type) => ({ type, fields: fieldsOf(type) }));
}

function fieldsOf(type: FaultType): Field[] {
  const required: readonly string[] = PARAMS[type].required ?? [];
  const properties: Readonly<Record<string, TSchema>> = PARAMS[type].properties;
  return Object.entries(properties).map(([name, schema]) => {
    const [suffix, unit] = UNITS.find(([end]) => name.endsWith(end)) ?? ["", ""];
    const example = EXAMPLES[type][name];
    return {
      name,
      label: name.slice(0, name.length - suffix.length).replaceAll("_", " "),
      unit,
      required: required.includes(name),
      kind: kindOf(schema),
      accepts: boundsOf(schema),
      choices: literalsOf(schema) ?? [],
      initial: example === undefined ? "" : String(example),
    };
  });
}

function kindOf(schema: TSchema): Field["kind"] {
  if (literalsOf(schema)) return "choice";
  const type: unknown = schema.type;
  if (type === "number" || type === "integer") return "number";
  if (type === "boolean") return "boolean";
  return type === "array" ? "nodes" : "node";
}

/** E.g. `whole, 0 or more, at most 100`. */
function boundsOf(schema: TSchema): string {
  const bound = (keyword: string, words: (value: number) => string): string[] => {
    const value: unknown = schema[keyword];
    return typeof value === "number" ? [words(value)] : [];
  };
  return [
    ...(schema.type === "integer" ? ["whole"] : []),
    ...bound("minimum", (value) => `${value} or more`),
    ...bound("exclusiveMinimum", (value) => `more than ${value}`),
    ...bound("maximum", (value) => `at most ${value}`),
    ...bound("exclusiveMaximum", (value) => `less than ${value}`),
  ].join(", ");
}
