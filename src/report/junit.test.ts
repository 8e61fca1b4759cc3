import { expect, test } from "bun:test";
import { DOMParser, type Element, onErrorStopParsing } from "@xmldom/xmldom";
import { type JunitSuite, junit } from "./junit.ts";

const SUITES: JunitSuite[] = [
  {
    name: "cascade",
    timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    seconds: 300.25,
    cases: [
      { name: "payments-200ms", classname: "cascade", seconds: 300, systemOut: "mttr 2 s\nbackend nfqueue" },
      {
        name: "payments-hang",
        classname: "cascade",
        seconds: 0.25,
        failure: { message: "read_p99 was >= 5000 ms", text: 'not < 250 ms & "worse"\n  pool <orders>' },
        properties: [
          ["result", "failed"],
          ["mttr_s", "2"],
        ],
      },
      { name: "catalog-kill", classname: "cascade", seconds: 0, skipped: "stopped by a signal" },
    ],
  },
  { name: "empty", timestamp: 0, seconds: 0, cases: [] },
];

/** Parsed by another's parser, which refuses what is not well-formed. */
function parse(xml: string): Element {
  const document = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, "text/xml");
  if (!document.documentElement) throw new Error("no document");
  return document.documentElement;
}

const all = (within: Element, tag: string): Element[] => [...within.getElementsByTagName(tag)];
const attributesOf = (element: Element | undefined): Record<string, string> =>
  Object.fromEntries([...(element?.attributes ?? [])].map(({ name, value }) => [name, value]));

test("the parser is one that refuses", () => {
  for (const broken of ["<a><b></a>", '<a b="<"/>', "<a>&nbsp;</a>", "<a/><b/>"])
    expect(() => parse(broken)).toThrow();
});

test("suites and their counts are read back", () => {
  const root = parse(junit(SUITES));
  expect(root.tagName).toBe("testsuites");
  expect(attributesOf(root)).toEqual({
    name: "chaoslab",
    tests: "3",
    failures: "1",
    skipped: "1",
    time: "300.250",
  });
  expect(all(root, "testsuite").map(attributesOf)).toEqual([
    {
      name: "cascade",
      timestamp: "2026-01-02T03:04:05",
      tests: "3",
      failures: "1",
      skipped: "1",
      errors: "0",
      time: "300.250",
    },
    {
      name: "empty",
      timestamp: "1970-01-01T00:00:00",
      tests: "0",
      failures: "0",
      skipped: "0",
      errors: "0",
      time: "0.000",
    },
  ]);
});

test("cases are read back with all that is in them", () => {
  const [held, failed, skipped] = all(parse(junit(SUITES)), "testcase");
  if (!held || !failed || !skipped) throw new Error("not three cases");
  expect(attributesOf(held)).toEqual({ name: "payments-200ms", classname: "cascade", time: "300.000" });
  expect(all(held, "system-out").map((each) => each.textContent)).toEqual(["mttr 2 s\nbackend nfqueue"]);
  expect(all(held, "failure")).toEqual([]);

  const [failure] = all(failed, "failure");
  expect(attributesOf(failure)).toEqual({ message: "read_p99 was >= 5000 ms" });
  expect(failure?.textContent).toBe('not < 250 ms & "worse"\n  pool <orders>');
  expect(all(failed, "property").map(attributesOf)).toEqual([
    { name: "result", value: "failed" },
    { name: "mttr_s", value: "2" },
  ]);
  expect(all(skipped, "skipped").map(attributesOf)).toEqual([{ message: "stopped by a signal" }]);
});

/** One case whose every text is `text`, read back. */
function throughXml(text: string) {
  const [only] = all(
    parse(
      junit([
        {
          name: text,
          timestamp: 0,
          seconds: 1,
          cases: [
            {
              name: text,
              classname: text,
              seconds: 1,
              failure: { message: text, text },
              properties: [[text, text]],
              systemOut: text,
            },
          ],
        },
      ]),
    ),
    "testsuite",
  );
  if (!only) throw new Error("no suite");
  const [testcase, property, failure] = ["testcase", "property", "failure"].map((tag) =>
    attributesOf(all(only, tag)[0]),
  );
  return new Set([
    attributesOf(only).name,
    testcase?.name,
    testcase?.classname,
    property?.name,
    property?.value,
    failure?.message,
    all(only, "failure")[0]?.textContent,
    all(only, "system-out")[0]?.textContent,
  ]);
}

test.each([
  ["markup", "<a b='c' d=\"e\">&amp;</a> ]]> <!-- -->", undefined],
  ["breaks and tabs", "one\n\ttwo\r\nthree\r", undefined],
  ["other tongues", "Überlast 過負荷 🔥 \u{10ffff}", undefined],
  ["control characters", "a\u0000b\u0001c\u000bd\u001fe\u007f", "abcde\u007f"],
  ["terminal colours", "\u001b[1;31mfailed\u001b[0m", "failed"],
  ["half a character", "a\ud800b\udc00c\ufffe", "abc"],
])("%s come through in every place", (_, text, expected) => {
  expect([...throughXml(text)]).toEqual([expected ?? text]);
});
