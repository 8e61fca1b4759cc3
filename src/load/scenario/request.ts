/**
 * Compiles a request of a scenario: what is constant is put together once, the rest is a few slots.
 * @module
 */
import type { RequestSpec } from "../../model/scenario.ts";
import { withDefaults } from "../encode.ts";
import {
  type Context,
  escapeJson,
  join,
  type Part,
  type Piece,
  parseTemplate,
  type Slot,
} from "./template.ts";
import type { Value } from "./variables.ts";

/** The value of a variable, by its name. */
export type Resolve = (variable: string) => Value;

/** A request in parts, headers complete but for the length. */
export interface RequestParts {
  path: Part;
  headers: readonly (readonly [name: string, value: Part])[];
  body: Part | null;
}

/** RFC 9110, section 8.6: these say how long their body is, even when there is none. */
const WITH_LENGTH = new Set(["POST", "PUT", "PATCH"]);

export function requestParts(spec: RequestSpec, target: URL, resolve: Resolve): RequestParts {
  const fill = (text: string, context: Context): Part => join(fillIn(parseTemplate(text), context, resolve));
  const type = spec.json === undefined ? undefined : "application/json";
  const headers = withDefaults(Object.entries(spec.headers ?? {}), target.host, type);
  const text = spec.body ?? (WITH_LENGTH.has(spec.method) ? "" : null);
  return {
    path: join([target.pathname.replace(/\/+$/, ""), fill(spec.path, "path")]),
    headers: headers.map(([name, value]) => [name, fill(value, "header")]),
    body: spec.json !== undefined ? join(jsonParts(spec.json, resolve)) : text && fill(text, "body"),
  };
}

const fillIn = (pieces: readonly Piece[], context: Context, resolve: Resolve): Part[] =>
  pieces.map((piece) => {
    if ("variable" in piece) return resolve(piece.variable).in(context);
    return context === "json" ? escapeJson(piece.text) : piece.text;
  });

function jsonParts(value: unknown, resolve: Resolve): Part[] {
  if (typeof value === "string") {
    const pieces = parseTemplate(value);
    const [only] = pieces;
    const bare = pieces.length === 1 && only && "variable" in only ? resolve(only.variable).bare : undefined;
    return bare === undefined ? ['"', ...fillIn(pieces, "json", resolve), '"'] : [bare];
  }
  if (typeof value !== "object" || value === null) return [String(value)];
  const isList = Array.isArray(value);
  const parts: Part[] = [];
  for (const [key, child] of Object.entries(value)) {
    const label = isList ? "" : `"${escapeJson(key)}":`;
    parts.push((parts.length > 0 ? "," : "") + label, ...jsonParts(child, resolve));
  }
  return isList ? ["[", ...parts, "]"] : ["{", ...parts, "}"];
}

/**
 * The request as it goes on the wire: a string where all is ASCII. A head always is: the path is percent-encoded, and
 * headers take nothing else.
 */
export function createEncoder(
  method: string,
  { path, headers, body }: RequestParts,
): (index: number, tenant: number) => string | Uint8Array {
  const lines = headers.flatMap(([name, value]): Part[] => [`${name}: `, value, "\r\n"]);
  const head = [`${method} `, path, " HTTP/1.1\r\n", ...lines];
  if (body === null) return slotOf(join([...head, "\r\n"]));
  if (typeof body === "string") {
    const size = Buffer.byteLength(body);
    const whole = slotOf(join([...head, `Content-Length: ${size}\r\n\r\n${body}`]));
    return size === body.length ? whole : (index, tenant) => Buffer.from(whole(index, tenant));
  }
  const start = slotOf(join([...head, "Content-Length: "]));
  return (index, tenant) => {
    const text = body(index, tenant);
    const size = Buffer.byteLength(text);
    const whole = `${start(index, tenant)}${size}\r\n\r\n${text}`;
    return size === text.length ? whole : Buffer.from(whole);
  };
}

export const slotOf = (part: Part): Slot => (typeof part === "string" ? () => part : part);
