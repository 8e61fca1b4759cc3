/**
 * The head of an HTTP/1.x answer, reduced to what decides where the answer ends (RFC 9112).
 * @module
 */

export interface ResponseHead {
  status: number;
  /** Null when absent. Meaningless when `chunked`. */
  contentLength: number | null;
  chunked: boolean;
  /** Whether the server leaves the connection open after this answer. */
  keepAlive: boolean;
  /** Whether there is a header `X-Degraded`. */
  degraded: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/;
const SPACE = 0x20;
const TAB = 0x09;

/** Parses the text before the empty line. Null when it is not a valid head. */
export function parseHead(text: string): ResponseHead | null {
  let lineEnd = text.indexOf("\r\n");
  const statusLine = STATUS_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd));
  if (statusLine === null) return null;
  let persistent = statusLine[1] === "1";
  const head: ResponseHead = {
    status: Number(statusLine[2]),
    contentLength: null,
    chunked: false,
    keepAlive: true,
    degraded: false,
  };
  let encoded = false;

  while (lineEnd >= 0) {
    const start = lineEnd + 2;
    lineEnd = text.indexOf("\r\n", start);
    const stop = lineEnd < 0 ? text.length : lineEnd;
    const first = text.charCodeAt(start);
    if (first === SPACE || first === TAB) continue; // obsolete line folding: more of the value before
    const colon = text.indexOf(":", start);
    if (colon <= start || colon >= stop) return null;
    // Lower-casing every name costs more than the rest of the parser: look at the length first.
    const length = colon - start;
    if (length !== 10 && length !== 14 && length !== 17) continue;
    const name = text.slice(start, colon).toLowerCase();
    const value = text
      .slice(colon + 1, stop)
      .trim()
      .toLowerCase();
    if (name === "content-length") {
      const size = /^\d{1,15}$/.test(value) ? Number(value) : -1;
      if (size < 0 || (head.contentLength !== null && head.contentLength !== size)) return null;
      head.contentLength = size;
    } else if (name === "transfer-encoding") {
      encoded = true;
      head.chunked = /(?:^|[\s,])chunked$/.test(value);
    } else if (name === "x-degraded") {
      head.degraded = true;
    } else if (name === "connection") {
      if (/(?:^|[\s,])close(?:$|[\s,])/.test(value)) persistent = false;
      else if (/(?:^|[\s,])keep-alive(?:$|[\s,])/.test(value)) persistent = true;
    }
  }
  // A length beside a transfer encoding is an attack or a defect: the encoding wins and the connection ends.
  head.keepAlive = persistent && !(encoded && (head.contentLength !== null || !head.chunked));
  if (encoded) head.contentLength = null;
  return head;
}
