/** The JSON Schema of schedules, for editors: `schedules/schedule.schema.json`. @module */
import type { TSchema } from "@sinclair/typebox";
import { FAULT_TYPES, PARAMS } from "../model/params.ts";
import { Schedule } from "../model/schedule.ts";

const ID = "https://json-schema.org/draft/2020-12/schema";

/**
 * The schema that files are checked with, and what that leaves to a second look: params by the fault's type, and the
 * rate that a ramp found.
 */
export function scheduleJsonSchema(): Json {
  const schema = plain(Schedule);
  const properties = inner(schema, "properties");
  const from = {
    type: "object",
    properties: { from: { type: "string" } },
    required: ["from"],
    additionalProperties: false,
  };
  for (const kind of ["0", "1"]) {
    const load = inner(properties, "load", "anyOf", kind, "properties");
    load.rate = { anyOf: [load.rate, from] };
  }
  const hypothesis = inner(properties, "hypotheses", "items", "properties");
  for (const fault of [inner(hypothesis, "fault"), inner(hypothesis, "faults", "items")]) {
    fault.allOf = FAULT_TYPES.map(paramsWhen);
  }
  // Those that are included will do.
  schema.required = (schema.required as string[]).filter((field) => field !== "hypotheses");
  schema.anyOf = [{ required: ["hypotheses"] }, { required: ["include"] }];
  return { $schema: ID, title: "chaoslab schedule", ...schema };
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** What stands at a path. */
function inner(schema: Json, ...path: readonly string[]): Json {
  return path.reduce((value, key) => {
    const found = value[key];
    if (!isObject(found)) throw new RangeError(`the schema has nothing at ${path.join(".")}`);
    return found;
  }, schema);
}

/** `if` the type is this one, `then` its params are those. */
function paramsWhen(type: (typeof FAULT_TYPES)[number]): Json {
  return {
    if: { properties: { type: { const: type } } },
    then: { properties: { params: plain(PARAMS[type]) } },
  };
}

/** Without what only TypeBox reads; several accepted words as `enum`, which editors complete. */
function plain(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("anyOf" in value) || !Array.isArray(value.anyOf))
      return value;
    const words = value.anyOf.map((each: { const?: unknown }) => each.const);
    if (!words.every((word) => typeof word === "string")) return value;
    const { anyOf: _, ...rest } = value;
    return { ...rest, enum: words };
  }) as Json;
}
