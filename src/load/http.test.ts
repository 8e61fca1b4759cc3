import { describe, expect, test } from "bun:test";
import { type ParseResult, ResponseParser } from "./http.ts";

interface Case {
  name: string;
  wire: string;
  status: number;
  reusable: boolean;
  /** The answer only ends when the peer closes. */
  untilClose?: boolean;
}

const lines = (...text: string[]): string => text.join("\r\n");

const CASES: Case[] = [
  {
    name: "a length",
    wire: lines("HTTP/1.1 200 OK", "Content-Length: 5", "", "hello"),
    status: 200,
    reusable: true,
  },
  {
    name: "an empty body",
    wire: lines("HTTP/1.1 500 Oh no", "content-length:0", "", ""),
    status: 500,
    reusable: true,
  },
  {
    name: "no reason phrase",
    wire: lines("HTTP/1.1 201", "CONTENT-LENGTH: \t2 ", "", "{}"),
    status: 201,
    reusable: true,
  },
  {
    name: "204 with a length",
    wire: lines("HTTP/1.1 204 No Content", "Content-Length: 9", "", ""),
    status: 204,
    reusable: true,
  },
  {
    name: "304 without a header",
    wire: lines("HTTP/1.1 304 Not Modified", "", ""),
    status: 304,
    reusable: true,
  },
  {
    name: "an answer to Connection: close",
    wire: lines("HTTP/1.1 200 OK", "connection: Close", "content-length: 1", "", "x"),
    status: 200,
    reusable: false,
  },
  {
    name: "close in a list",
    wire: lines("HTTP/1.1 200 OK", "Connection: foo, close", "content-length: 1", "", "x"),
    status: 200,
    reusable: false,
  },
  {
    name: "HTTP/1.0",
    wire: lines("HTTP/1.0 200 OK", "Content-Length: 1", "", "x"),
    status: 200,
    reusable: false,
  },
  {
    name: "HTTP/1.0 kept alive",
    wire: lines("HTTP/1.0 200 OK", "Connection: Keep-Alive", "Content-Length: 1", "", "x"),
    status: 200,
    reusable: true,
  },
  {
    name: "equal lengths twice",
    wire: lines("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2", "", "ab"),
    status: 200,
    reusable: true,
  },
  {
    name: "a folded header",
    wire: lines("HTTP/1.1 200 OK", "X-Long: a", "  b: c", "Content-Length: 1", "", "x"),
    status: 200,
    reusable: true,
  },
  {
    name: "100 first",
    wire: lines(
      "HTTP/1.1 100 Continue",
      "",
      "HTTP/1.1 103 Early Hints",
      "Link: x",
      "",
      "HTTP/1.1 200 OK",
      "Content-Length: 2",
      "",
      "ok",
    ),
    status: 200,
    reusable: true,
  },
  {
    name: "chunks",
    wire: lines(
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "",
      "4",
      "wiki",
      "A",
      "0123\r\n5678",
      "0",
      "",
      "",
    ),
    status: 200,
    reusable: true,
  },
  {
    name: "chunk extensions and padded sizes",
    wire: lines(
      "HTTP/1.1 200 OK",
      "TRANSFER-ENCODING: Chunked",
      "",
      '0004;a=b;c="d"',
      "wiki",
      "1 ;x",
      "z",
      "000;last",
      "",
      "",
    ),
    status: 200,
    reusable: true,
  },
  {
    name: "trailers",
    wire: lines(
      "HTTP/1.1 404 Not Found",
      "transfer-encoding: gzip, chunked",
      "",
      "1",
      "x",
      "0",
      "X-Sum: 1",
      "Content-Length: 77",
      "",
      "",
    ),
    status: 404,
    reusable: true,
  },
  {
    name: "a length beside chunks",
    wire: lines(
      "HTTP/1.1 200 OK",
      "Content-Length: 3",
      "Transfer-Encoding: chunked",
      "",
      "1",
      "x",
      "0",
      "",
      "",
    ),
    status: 200,
    reusable: false,
  },
  {
    name: "no length at all",
    wire: lines("HTTP/1.1 200 OK", "Server: x", "", "some bytes"),
    status: 200,
    reusable: false,
    untilClose: true,
  },
  {
    name: "an encoding other than chunked",
    wire: lines("HTTP/1.1 200 OK", "Transfer-Encoding: gzip", "", "abc"),
    status: 200,
    reusable: false,
    untilClose: true,
  },
];

function feedAll(parser: ResponseParser, pieces: readonly Buffer[]): ParseResult {
  let result: ParseResult = "more";
  for (const piece of pieces) {
    expect(result).toBe("more");
    result = parser.feed(piece);
  }
  return result;
}

function check({ status, reusable, untilClose }: Case, pieces: readonly Buffer[]): void {
  const parser = new ResponseParser();
  const result = feedAll(parser, pieces);
  expect(result).toBe(untilClose ? "more" : "done");
  if (untilClose) expect(parser.close()).toBe("done");
  expect([parser.status, parser.reusable]).toEqual([status, reusable]);
}

describe("response parser", () => {
  test.each(CASES)("$name: whole, byte by byte, and split at every position", (each) => {
    const bytes = Buffer.from(each.wire, "latin1");
    check(each, [bytes]);
    check(
      each,
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
    );
    for (let i = 1; i < bytes.length; i++) {
      check(each, [bytes.subarray(0, i), bytes.subarray(i)]);
      for (let j = i + 1; j < bytes.length; j += 7) {
        check(each, [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)]);
      }
    }
  });

  test("parses answer after answer once reset", () => {
    const parser = new ResponseParser();
    for (const each of CASES) {
      parser.reset();
      parser.feed(Buffer.from(each.wire, "latin1"));
      expect(parser.status).toBe(each.status);
    }
  });

  test("bytes after the answer make the connection unfit for another request", () => {
    const parser = new ResponseParser();
    expect(
      parser.feed(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 408 Bye\r\n")),
    ).toBe("done");
    expect([parser.status, parser.reusable]).toEqual([200, false]);
  });

  test("a close in the middle is not an answer", () => {
    for (const each of CASES.filter(({ untilClose }) => !untilClose)) {
      const bytes = Buffer.from(each.wire, "latin1");
      for (let i = 0; i < bytes.length; i++) {
        const parser = new ResponseParser();
        parser.feed(bytes.subarray(0, i));
        expect(parser.close()).toBe("more");
      }
    }
  });

  const INVALID: [string, string][] = [
    ["not HTTP", "SSH-2.0-OpenSSH_9\r\n"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n"],
    ["a status that is none", "HTTP/1.1 999 What\r\n\r\n"],
    ["a status line without a status", "HTTP/1.1 OK\r\n\r\n"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"],
    ["a chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["a chunk longer than its size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"],
    ["an endless head", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(70_000)}`],
  ];

  test.each(INVALID)("%s is not an answer", (_, wire) => {
    expect(new ResponseParser().feed(Buffer.from(wire))).toBe("invalid");
    const parser = new ResponseParser();
    let result: ParseResult = "more";
    for (let i = 0; i < Math.min(wire.length, 500) && result === "more"; i++) {
      result = parser.feed(Buffer.from(wire.slice(i, i + 1)));
    }
    if (wire.length < 500) expect(result).toBe("invalid");
  });
});
