import { expect, test } from "bun:test";
import { meets, parseThreshold, showBound, showSli } from "./sli.ts";

test.each([
  ["< 250 ms", "ms", { comparison: "<", value: 250 }],
  ["<1s", "ms", { comparison: "<", value: 1000 }],
  ["< 0.1 %", "share", { comparison: "<", value: 0.001 }],
  [">= 99.9 %", "share", { comparison: ">=", value: 0.999 }],
  ["> 0.01", "share", { comparison: ">", value: 0.01 }],
] as const)("%s reads as a bound in %s", (text, unit, expected) => {
  const parsed = parseThreshold(text, unit);
  expect(parsed?.comparison).toBe(expected.comparison);
  expect(parsed?.value).toBeCloseTo(expected.value, 9);
});

test.each([
  ["250 ms", "ms"],
  ["< 250", "ms"],
  ["< 5 %", "ms"],
  ["< 250 ms", "share"],
  ["> 150 %", "share"],
  ["< fast", "ms"],
  ["", "share"],
] as const)("%s is no bound in %s", (text, unit) => {
  expect(parseThreshold(text, unit)).toBeNull();
});

test("no data never meets a bound", () => {
  for (const comparison of ["<", "<=", ">", ">="] as const)
    expect(meets(null, { comparison, value: 1 })).toBeFalse();
  expect(meets(1, { comparison: "<=", value: 1 })).toBeTrue();
  expect(meets(1, { comparison: "<", value: 1 })).toBeFalse();
});

test("rounding turns neither a failure into perfection nor an error into none", () => {
  expect(showSli(0.99999, "share")).toBe("99.99 %");
  expect(showSli(1, "share")).toBe("100.00 %");
  expect(showSli(0.000004, "share")).toBe("0.01 %");
  expect(showSli(0, "share")).toBe("0.00 %");
  expect(showSli(12.34, "ms")).toBe("12.3 ms");
  expect(showSli(null, "ms")).toBe("no data");
});

test("a latency at the client's timeout is shown as a lower bound", () => {
  expect(showSli(5000, "ms", 5000)).toBe(">= 5000 ms");
  expect(showSli(4999, "ms", 5000)).toBe("4999 ms");
});

test("bounds are shown as they were written", () => {
  expect(showBound({ comparison: "<", value: 0.001 }, "share")).toBe("< 0.1 %");
  expect(showBound({ comparison: ">=", value: 0.999 }, "share")).toBe(">= 99.9 %");
  expect(showBound({ comparison: "<", value: 1000 }, "ms")).toBe("< 1000 ms");
});
