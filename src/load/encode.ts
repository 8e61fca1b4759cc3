/**
 * A request's bytes (RFC 9112, section 3).
 * @module
 */

export type Header = readonly [name: string, value: string];

export interface PlainRequest {
  method: string;
  /** Value of the Host header. */
  host: string;
  /** Origin form: path and query. */
  path: string;
  headers: readonly Header[];
  body: Uint8Array | null;
}

/** RFC 9110: a token, and the characters of a field value that cannot end the line. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e]+$/;
/** The length and the connection are the client's own business. */
const OURS = new Set(["content-length", "transfer-encoding", "connection"]);

export const isHeaderName = (text: string): boolean => TOKEN.test(text);

/** Null when a header may be sent, else what is wrong with it. */
export function headerProblem([name, value]: Header): string | null {
  if (!isHeaderName(name)) return `${JSON.stringify(name)} is not a header name`;
  if (!VALUE.test(value)) return `the value of ${name} has a character that no header may have`;
  return OURS.has(name.toLowerCase()) ? `${name} is set by the client itself` : null;
}

/** A request's headers, after those that every request has unless it brings its own. */
export function withDefaults(headers: readonly Header[], host: string, contentType?: string): Header[] {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const defaults: Header[] = [
    ["Host", host],
    ["User-Agent", "chaoslab"],
    ["Accept", "*/*"],
  ];
  if (contentType !== undefined) defaults.push(["Content-Type", contentType]);
  return [...defaults.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
}

/** Null when a path may be sent, else what is wrong with it. */
export const pathProblem = (path: string): string | null =>
  TARGET.test(path) ? null : `${JSON.stringify(path)} is not a path`;

/** The bytes: a string where all is ASCII. Throws RangeError when something cannot be on the wire. */
export function encodeRequest({ method, host, path, headers, body }: PlainRequest): string | Uint8Array {
  if (!TOKEN.test(method)) throw new RangeError(`${JSON.stringify(method)} is not a method`);
  const wrong = pathProblem(path) ?? headers.map(headerProblem).find((each) => each !== null);
  if (wrong) throw new RangeError(wrong);
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (const [name, value] of withDefaults(headers, host)) head += `${name}: ${value}\r\n`;
  if (body !== null) head += `Content-Length: ${body.length}\r\n`;
  head += "\r\n";
  const bytes = body === null ? Buffer.alloc(0) : body;
  if (isAscii(head) && isAscii(bytes)) return head + Buffer.from(bytes).toString("latin1");
  return Buffer.concat([Buffer.from(head, "latin1"), bytes]);
}

function isAscii(text: string | Uint8Array): boolean {
  if (typeof text !== "string") return text.every((byte) => byte < 0x80);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them.
  return /^[\x00-\x7f]*$/.test(text);
}
