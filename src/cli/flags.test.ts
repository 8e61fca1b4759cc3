import { expect, test } from "bun:test";
import {
  asWritten,
  booleanFlag,
  choiceFlag,
  durationFlag,
  durationMs,
  joinNegatives,
  numberFlag,
  optionalTextFlag,
  textFlag,
} from "./flags.ts";

test.each([
  ["250ms", 250],
  ["30s", 30_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
] as const)("%s is %d ms", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each(["", "30", "s", "-1s", "1 s", "1d", "1s2"])("%p is no duration", (text) => {
  expect(durationMs(text)).toBeNull();
});

test("a wrong value is refused in one line that names the flag, the value and what is accepted", () => {
  expect(() => numberFlag({ rate: "fast" }, "rate", 1, { min: 1, max: 9 })).toThrow(
    '--rate: "fast" is not a number from 1 to 9',
  );
  expect(() => numberFlag({ seed: 1.5 }, "seed", 1, { min: 0, integer: true })).toThrow(
    "a whole number of at least 0",
  );
  expect(() => durationFlag({ for: "10" }, "for", 1)).toThrow("a duration such as 250ms");
  expect(() => choiceFlag({ arrivals: "x" }, "arrivals", ["poisson", "constant"], "poisson")).toThrow(
    "one of poisson, constant",
  );
  expect(() => textFlag({ lab: ["a", "b"] }, "lab")).toThrow("given 2 times");
  expect(() => textFlag({ lab: true }, "lab")).toThrow("a value is needed");
  expect(() => booleanFlag({ json: "x" }, "json")).toThrow("takes no value");
});

test("flags with dashes are found under their camelled name, and absent ones fall back", () => {
  expect(textFlag({ failOn: "failed" }, "fail-on")).toBe("failed");
  expect(numberFlag({}, "rate", 7)).toBe(7);
  expect(durationFlag({}, "for", 7)).toBe(7);
});

test("a flag whose value may be left out tells that from its absence", () => {
  expect(optionalTextFlag({ toxiproxy: true }, "toxiproxy")).toBeNull();
  expect(optionalTextFlag({ toxiproxy: "http://h:1" }, "toxiproxy")).toBe("http://h:1");
  expect(optionalTextFlag({}, "toxiproxy")).toBeUndefined();
  expect(() => optionalTextFlag({ toxiproxy: "" }, "toxiproxy")).toThrow("--toxiproxy");
});

test("what looks like a number stays as it was written", () => {
  const argv = [
    "load",
    "--body",
    "007",
    "--header",
    "1",
    "--header=0x10",
    "--for",
    "5s",
    "--offset-ms=-5",
    "--json",
  ];
  const parsed = { body: 7, header: [1, 16], for: "5s", offsetMs: -5, json: true };
  expect<unknown>(asWritten(parsed, argv)).toEqual({
    body: "007",
    header: ["1", "0x10"],
    for: "5s",
    offsetMs: "-5",
    json: true,
  });
});

test("a negative number after a flag is its value", () => {
  expect(joinNegatives(["inject", "clock", "--offset-ms", "-5", "--for", "5s", "-h"])).toEqual([
    ...["inject", "clock", "--offset-ms=-5", "--for", "5s", "-h"],
  ]);
});
