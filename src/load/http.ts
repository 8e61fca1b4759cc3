/**
 * An incremental parser of HTTP/1.1 answers (RFC 9112). It keeps a body only when it is told to: mostly a load
 * generator needs to know no more than where an answer ends.
 * @module
 */
import { parseHead, type ResponseHead } from "./http-head.ts";

/** `more`: the answer is incomplete. `done`: complete. `invalid`: not HTTP/1.x. */
export type ParseResult = "more" | "done" | "invalid";

type Phase =
  | "head"
  | "sized"
  | "until-close"
  | "chunk-size"
  | "chunk"
  | "chunk-end"
  | "trailer"
  | "done"
  | "invalid";

/** Real servers stay below 16 KiB; a peer that sends more without an empty line is not one. */
const MAX_HEAD_BYTES = 64 * 1_024;
const MAX_LINE_BYTES = 8 * 1_024;
/** What is kept of a body: enough for a token or an id, and a bound on memory. */
const MAX_BODY_BYTES = 1_024 * 1_024;
const START = Buffer.from("HTTP/1.");
const CR = 0x0d;
const LF = 0x0a;

/** Index of the first CRLF CRLF between `from` and `to`, negative when there is none. */
function emptyLine(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from + 3; at < to; at++) {
    if (bytes[at] !== LF || bytes[at - 2] !== LF) continue;
    if (bytes[at - 1] === CR && bytes[at - 3] === CR) return at - 3;
  }
  return -1;
}

/** Parser of the answers on one connection, one after the other: `reset()` before each request. */
export class ResponseParser {
  /** Status of the answer, once its head is complete. */
  status = 0;
  /** Whether the connection can carry another request once the answer is complete. */
  reusable = true;
  /** Whether the answer says of itself that it is a degraded one (header `X-Degraded`). */
  degraded = false;
  /** The head's text, when the body was asked for and the head is complete. */
  head: string | null = null;
  #kept: Buffer[] | null = null;
  #keptBytes = 0;
  #toHead = false;
  #phase: Phase = "head";
  #head: Buffer | null = null;
  #line = "";
  #remaining = 0;

  /** Gets ready for the next answer, whose head and body (up to 1 MiB) are kept if `keepBody`; `toHead`: it answers a HEAD. */
  reset(keepBody = false, toHead = false): void {
    this.status = 0;
    this.reusable = true;
    this.degraded = false;
    this.head = null;
    this.#kept = keepBody ? [] : null;
    this.#keptBytes = 0;
    this.#toHead = toHead;
    this.#phase = "head";
    this.#head = null;
    this.#line = "";
    this.#remaining = 0;
  }

  /**
   * Takes the next bytes, split anywhere: the first `size` of the buffer, which is the caller's again afterwards. Bytes
   * after the end of the answer make the connection not reusable.
   */
  feed(bytes: Buffer, size = bytes.length): ParseResult {
    let at = 0;
    while (at < size && this.#phase !== "done" && this.#phase !== "invalid") {
      at = this.#phase === "head" ? this.#takeHead(bytes, at, size) : this.#takeBody(bytes, at, size);
    }
    if (this.#phase === "invalid") return "invalid";
    if (this.#phase !== "done") return "more";
    if (at < size) this.reusable = false;
    return "done";
  }

  /** The body as far as it was kept, without its chunked framing; null when it was not asked for. */
  get body(): Uint8Array | null {
    return this.#kept === null ? null : Buffer.concat(this.#kept);
  }

  /** Tells the parser that the peer closed: that ends an answer without a length, and cuts off any other. */
  close(): ParseResult {
    this.reusable = false;
    if (this.#phase === "until-close") this.#phase = "done";
    return this.#phase === "done" ? "done" : "more";
  }

  #takeHead(bytes: Buffer, from: number, size: number): number {
    // Nearly every head comes in one piece: no copy of it, and no view on it either.
    if (this.#head === null) return this.#takeHeadOf(bytes, from, size, from);
    const earlier = this.#head.length;
    const all = Buffer.concat([this.#head, bytes.subarray(from, size)]);
    this.#head = null;
    return this.#takeHeadOf(all, 0, all.length, Math.max(0, earlier - 3)) - earlier + from;
  }

  /** @param searched no empty line begins before this. */
  #takeHeadOf(bytes: Buffer, from: number, size: number, searched: number): number {
    for (let i = Math.min(size - from, START.length) - 1; i >= 0; i--) {
      if (bytes[from + i] !== START[i]) return this.#fail(from);
    }
    const end = emptyLine(bytes, searched, size);
    const length = (end < 0 ? size : end) - from;
    if (length > MAX_HEAD_BYTES) return this.#fail(from);
    if (end < 0) {
      this.#head = Buffer.from(bytes.subarray(from, size));
      return size;
    }
    if (this.#kept !== null) this.head = bytes.toString("latin1", from, end);
    this.#startBody(parseHead(bytes, from, end));
    return end + 4;
  }

  /** RFC 9112, section 6.3: what follows the head. */
  #startBody(head: ResponseHead | null): void {
    // 101 would be an upgrade, and none was asked for.
    if (head === null || head.status === 101) this.#phase = "invalid";
    else if (head.status < 200) this.#phase = "head";
    else {
      this.status = head.status;
      this.reusable = head.keepAlive;
      this.degraded = head.degraded;
      this.#remaining = head.contentLength ?? 0;
      if (head.status === 204 || head.status === 304 || this.#toHead) this.#phase = "done";
      else if (head.chunked) this.#phase = "chunk-size";
      else if (head.contentLength === null) this.#phase = "until-close";
      else this.#phase = head.contentLength === 0 ? "done" : "sized";
    }
  }

  #takeBody(bytes: Buffer, from: number, size: number): number {
    if (this.#phase === "until-close") {
      this.#keep(bytes, from, size);
      return size;
    }
    if (this.#phase === "sized" || this.#phase === "chunk") {
      const taken = Math.min(this.#remaining, size - from);
      this.#remaining -= taken;
      this.#keep(bytes, from, from + taken);
      if (this.#remaining === 0) this.#phase = this.#phase === "sized" ? "done" : "chunk-end";
      return from + taken;
    }
    let end = from;
    while (end < size && bytes[end] !== LF) end++;
    this.#line += bytes.toString("latin1", from, end);
    if (this.#line.length > MAX_LINE_BYTES) return this.#fail(from);
    if (end === size) return size;
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r")) return this.#fail(from);
    this.#takeLine(line.slice(0, -1));
    return end + 1;
  }

  /** A line of chunked framing (RFC 9112, section 7.1), without its CRLF. */
  #takeLine(line: string): void {
    if (this.#phase === "chunk-end") this.#phase = line === "" ? "chunk-size" : "invalid";
    else if (this.#phase === "trailer") this.#phase = line === "" ? "done" : "trailer";
    else {
      // The size, then perhaps extensions after a semicolon.
      const size = /^([0-9a-f]{1,12})[ \t]*(?:;|$)/i.exec(line)?.[1];
      this.#remaining = size === undefined ? 0 : Number.parseInt(size, 16);
      if (size === undefined) this.#phase = "invalid";
      else this.#phase = this.#remaining === 0 ? "trailer" : "chunk";
    }
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (this.#kept === null) return;
    const end = Math.min(to, from + MAX_BODY_BYTES - this.#keptBytes);
    if (end <= from) return;
    this.#kept.push(Buffer.from(bytes.subarray(from, end)));
    this.#keptBytes += end - from;
  }

  #fail(at: number): number {
    this.#phase = "invalid";
    return at;
  }
}
