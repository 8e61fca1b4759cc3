/** The body of POST /chaos/inject: its schema, and the checks by fault type that one schema cannot say. @module */

import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value, type ValueError } from "@sinclair/typebox/value";
import { FaultSpec } from "../model/fault.ts";
import { brokenRule, FAULT_TYPES, literalsOf, PARAMS } from "../model/params.ts";
import { BadRequest } from "./errors.ts";

/** Lease of a fault whose request names none, in seconds. */
export const DEFAULT_DURATION_S = 60;

export const InjectBody = Type.Object(
  {
    ...FaultSpec.properties,
    params: Type.Optional(FaultSpec.properties.params),
    /** Lease in seconds, after which the fault is reverted. */
    duration_s: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400, default: DEFAULT_DURATION_S })),
  },
  { additionalProperties: false },
);
export type InjectBody = Static<typeof InjectBody>;

/** @throws {BadRequest} naming the first field that is wrong, and what is accepted there. */
export function checkInjectBody(body: unknown): Required<InjectBody> {
  refuseFirst(InjectBody, body, []);
  if (!Value.Check(InjectBody, body)) throw new BadRequest({ error: "the body is not an injection" });
  const { type, target, params = {}, duration_s = DEFAULT_DURATION_S } = body;
  refuseFirst(PARAMS[type], params, ["params"]);
  const broken = brokenRule(type, params, target);
  if (broken) throw new BadRequest({ error: broken.message, field: `params.${broken.field}` });
  return { type, target, params, duration_s };
}

function refuseFirst(schema: TSchema, value: unknown, at: readonly string[]): void {
  const first = Value.Errors(schema, value).First();
  if (!first) return;
  const field = [...at, ...first.path.split("/").slice(1)].join(".");
  const accepted = acceptedAt(schema, first);
  throw new BadRequest({
    error: messageOf(first),
    ...(field ? { field } : {}),
    ...(accepted ? { accepted } : {}),
  });
}

const isUnknownKey = (error: ValueError): boolean => error.message.startsWith("Unexpected property");

function messageOf(error: ValueError): string {
  if (error.path === "/type" && error.value !== undefined) return "unknown fault type";
  if (isUnknownKey(error)) return "unknown field";
  if (error.value === undefined) return "is missing";
  if (literalsOf(error.schema)) return "is none of what is accepted";
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

function acceptedAt(schema: TSchema, error: ValueError): readonly string[] | null {
  if (error.path === "/type") return FAULT_TYPES;
  if (!isUnknownKey(error)) return literalsOf(error.schema);
  const properties: unknown = schema.properties;
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : null;
}
