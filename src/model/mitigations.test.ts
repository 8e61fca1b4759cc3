import { expect, test } from "bun:test";
import { MITIGATION_SUMMARIES, MITIGATIONS, mitigationsText, parseMitigations } from "./mitigations.ts";

test.each([
  ["all", [...MITIGATIONS]],
  ["none", []],
  ["timeout", ["timeout"]],
  ["breaker, timeout,breaker", ["timeout", "breaker"]],
  [
    ["outbox", "timeout"],
    ["timeout", "outbox"],
  ],
  [[], []],
] as const)("%j is %j", (given, expected) => {
  expect(parseMitigations(given)).toEqual([...expected]);
});

test.each(["", "bogus", "timeout,bogus", "timeout,"])("%p is refused with what is accepted", (given) => {
  expect(() => parseMitigations(given)).toThrow(
    /no such mitigation: ".*"; accepted: all, none, or of timeout, /,
  );
});

test("a set is written as it can be read", () => {
  for (const text of ["all", "none", "timeout,breaker"]) {
    expect(mitigationsText(parseMitigations(text))).toBe(text);
  }
});

test("each has a summary of one line that fits a terminal", () => {
  for (const name of MITIGATIONS) expect(MITIGATION_SUMMARIES[name].length).toBeWithin(20, 110);
});
