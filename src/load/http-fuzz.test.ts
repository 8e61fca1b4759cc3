import { describe, expect, test } from "bun:test";
import { ResponseParser } from "./http.ts";
import { randomBelow } from "./random.ts";

/** Random whole numbers below a bound, the same for the same seed. */
function dice(seed: number): (count: number) => number {
  let index = 0;
  return (count) => randomBelow(count, seed, index++, 99);
}
type Dice = (count: number) => number;

const pick = <T>(roll: Dice, ...choices: [T, ...T[]]): T => choices[roll(choices.length)] ?? choices[0];
const bytes = (roll: Dice, length: number): Buffer => Buffer.from(Array.from({ length }, () => roll(256)));
const cased = (roll: Dice, text: string): string =>
  [...text].map((char) => (roll(2) === 0 ? char.toLowerCase() : char.toUpperCase())).join("");

interface Made {
  wire: Buffer;
  body: Buffer;
  status: number;
  degraded: boolean;
  framing: "sized" | "chunked" | "close" | "none";
  closes: boolean;
}

/** An answer that a server may send, in one of the many ways to write it. */
function answer(roll: Dice): Made {
  const framing = pick(roll, "sized", "chunked", "close", "none");
  const status = framing === "none" ? pick(roll, 204, 304) : pick(roll, 200, 201, 302, 404, 500, 503);
  const body = framing === "none" ? Buffer.alloc(0) : bytes(roll, pick(roll, 0, 1, 7, 300, 5_000));
  const closes = framing === "close" || roll(4) === 0;
  const degraded = roll(3) === 0;
  const space = (): string => pick(roll, "", " ", "  ", "\t");
  const field = (name: string, value: string): string => `${cased(roll, name)}:${space()}${value}${space()}`;
  const fields = [field("Date", "Mon, 23 Nov 2026 12:00:00 GMT"), field("X-Content-Length", "999")];
  if (framing === "sized") fields.push(field("Content-Length", String(body.length)));
  if (framing === "chunked") fields.push(field("Transfer-Encoding", cased(roll, "chunked")));
  if (closes) fields.push(field("Connection", pick(roll, "close", "Close", "foo, close")));
  else if (roll(2) === 0) fields.push(field("Connection", pick(roll, "keep-alive", "Keep-Alive", "x-y")));
  if (degraded) fields.push(field("X-Degraded", "1"));
  fields.sort(() => roll(3) - 1);
  if (roll(3) === 0) fields.splice(1, 0, field("Folded", "a\r\n  b: c"));
  const interim = roll(5) === 0 ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
  const reason = pick(roll, " OK", " ", "", " Not at all, really");
  const head = `${interim}HTTP/1.1 ${status}${reason}\r\n${fields.join("\r\n")}\r\n\r\n`;
  const payload = framing === "chunked" ? chunked(roll, body) : body;
  return { wire: Buffer.concat([Buffer.from(head), payload]), body, status, degraded, framing, closes };
}

function chunked(roll: Dice, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = 1 + roll(Math.min(body.length - at, 2_000));
    const digits = cased(roll, size.toString(16)).padStart(1 + roll(4), "0");
    const extension = pick(roll, "", ";a=b", " ; q", ";x");
    parts.push(Buffer.from(`${digits}${extension}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"));
    at += size;
  }
  parts.push(Buffer.from(`0\r\n${pick(roll, "", "Trailer: x\r\n", "A: b\r\nC: d\r\n")}\r\n`));
  return Buffer.concat(parts);
}

/** Feeds the bytes in pieces of random sizes, empty ones among them; the result of each piece. */
function feed(parser: ResponseParser, wire: Buffer, roll: Dice): string[] {
  const results: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const size = pick(roll, 1, 2, roll(20), roll(2_000), wire.length);
    const piece = Buffer.from(wire.subarray(at, at + size));
    results.push(parser.feed(piece));
    // The runtime may use its buffer again.
    piece.fill(0x2a);
    at += size;
  }
  return results;
}

describe("response parser, by chance", () => {
  test("whatever way an answer is written and cut up, its end, status and body are found", () => {
    for (let seed = 0; seed < 3_000; seed++) {
      const roll = dice(seed);
      const made = answer(roll);
      const parser = new ResponseParser();
      parser.reset(true);
      const results = feed(parser, made.wire, roll);
      const last = made.framing === "close" ? parser.close() : results.at(-1);
      const where = `seed ${seed}: ${made.wire.subarray(0, 200).toString("latin1")}`;
      expect(last, where).toBe("done");
      expect(
        results.slice(0, -1).every((result) => result === "more"),
        where,
      ).toBe(true);
      expect([parser.status, parser.degraded, parser.reusable], where).toEqual([
        made.status,
        made.degraded,
        !made.closes,
      ]);
      expect(Buffer.from(parser.body ?? []).equals(made.body), where).toBe(true);
    }
  });

  test("broken answers end as broken or unfinished, never in an exception, and the parser recovers", () => {
    const good = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const seen = { more: 0, done: 0, invalid: 0 };
    for (let seed = 0; seed < 5_000; seed++) {
      const roll = dice(seed + 1_000_000);
      const wire = Buffer.from(answer(roll).wire);
      for (let hits = 1 + roll(4); hits > 0; hits--) {
        const at = roll(Math.min(wire.length, 300));
        wire[at] = pick(roll, roll(256), 0x0d, 0x0a, 0x3a, 0x20);
      }
      const parser = new ResponseParser();
      parser.reset(roll(2) === 0);
      const results = feed(parser, wire, roll);
      const first = results.findIndex((result) => result !== "more");
      // Once ended, it stays so.
      if (first >= 0) expect(new Set(results.slice(first)).size).toBe(1);
      seen[results.at(-1) as keyof typeof seen]++;
      parser.reset();
      expect(parser.feed(good)).toBe("done");
      expect([parser.status, parser.reusable]).toEqual([200, true]);
    }
    // All three happen, or this test tests nothing.
    expect(Math.min(seen.more, seen.done, seen.invalid)).toBeGreaterThan(100);
  });

  test("a body beyond what is kept is cut off, not gathered", () => {
    const parser = new ResponseParser();
    parser.reset(true);
    parser.feed(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${3_000_000}\r\n\r\n`));
    for (let i = 0; i < 30; i++) parser.feed(Buffer.alloc(100_000, 0x61));
    expect(parser.body?.length).toBe(1_024 * 1_024);
  });

  test("the answer to a HEAD request has no body, whatever length it names", () => {
    const parser = new ResponseParser();
    parser.reset(false, true);
    expect(parser.feed(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))).toBe("done");
    expect(parser.reusable).toBe(true);
  });
});
