/**
 * Reads JSON bodies as Toxiproxy does: names of fields in any case, unknown ones ignored, null as absent.
 * @module
 */
import { badBody } from "./errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Null reads as an empty body: every field has its default. */
export function parseBody(text: string): unknown {
  if (text.trim() === "") throw badBody("EOF");
  try {
    return JSON.parse(text) ?? {};
  } catch (error) {
    throw badBody(error instanceof Error ? error.message : "not JSON");
  }
}

export function asFields(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw badBody(`${what} must be an object`);
}

/** The exact name wins over another spelling. */
function field(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  const found = Object.keys(fields).find((key) => key.toLowerCase() === name);
  return found === undefined ? undefined : fields[found];
}

export function text(fields: Fields, name: string, fallback: string): string {
  const value = field(fields, name) ?? fallback;
  if (typeof value === "string") return value;
  throw badBody(`${name} must be a string`);
}

export function flag(fields: Fields, name: string, fallback: boolean): boolean {
  const value = field(fields, name) ?? fallback;
  if (typeof value === "boolean") return value;
  throw badBody(`${name} must be true or false`);
}

/** A finite number: JSON has none other, but `1e999` reads as infinite. */
export function number(fields: Fields, name: string, fallback: number): number {
  const value = field(fields, name) ?? fallback;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw badBody(`${name} must be a number`);
}

/** A whole number of at least 0. */
export function count(fields: Fields, name: string, fallback: number): number {
  const value = number(fields, name, fallback);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw badBody(`${name} must be a whole number of at least 0`);
}

export function object(fields: Fields, name: string): Fields {
  return asFields(field(fields, name) ?? {}, name);
}
