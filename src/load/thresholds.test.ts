import { expect, test } from "bun:test";
import { type LoadThreshold, parseLoadThreshold, readThresholds } from "./thresholds.ts";

test.each<[string, Omit<LoadThreshold, "text">]>([
  ["p99 < 250 ms", { operation: null, metric: "p99", bound: { comparison: "<", value: 250 }, forS: null }],
  ["p999<=1.5s", { operation: null, metric: "p999", bound: { comparison: "<=", value: 1_500 }, forS: null }],
  [
    "POST /orders: error_rate < 1 % for 5s",
    { operation: "POST /orders", metric: "error_rate", bound: { comparison: "<", value: 0.01 }, forS: 5 },
  ],
  [
    "GET /a:b?c=d: mean < 10ms for 1m30s",
    { operation: "GET /a:b?c=d", metric: "mean", bound: { comparison: "<", value: 10 }, forS: 90 },
  ],
  ["rate >= 95 %", { operation: null, metric: "rate", bound: { comparison: ">=", value: 0.95 }, forS: null }],
  [
    "goodput > 500 rps",
    { operation: null, metric: "goodput", bound: { comparison: ">", value: 500 }, forS: null },
  ],
  [
    "dropped <= 0.001",
    { operation: null, metric: "dropped", bound: { comparison: "<=", value: 0.001 }, forS: null },
  ],
])("%s is a threshold", (text, expected) => {
  expect(parseLoadThreshold(` ${text} `)).toEqual({ text, ...expected });
});

test.each([
  ["", "not '[operation:] metric"],
  ["p99", "not '[operation:] metric"],
  ["< 250 ms", "not '[operation:] metric"],
  ["p98 < 250 ms", "no metric p98; there are mean, p50"],
  ["p99 == 250 ms", "not '[operation:] metric"],
  ["p99 < 250", "p99 is compared by <, <=, > or >= and is in ms or s"],
  ["p99 < 250 %", "in ms or s"],
  ["error_rate < 5", "a share"],
  ["error_rate < 101 %", "a share"],
  ["goodput > 5 ms", "in rps"],
  ["p99 < 250 ms for", "in ms or s"],
  ["p99 < 250 ms for 500ms", "whole seconds"],
  ["p99 < 250 ms for 1500ms", "whole seconds"],
  ["p99 < 250 ms for ever", "whole seconds"],
  ["GET /: rate > 95 %", "of the whole load, not of one operation"],
])("%j is none, and it is said why", (text, why) => {
  expect(parseLoadThreshold(text)).toContain(why);
});

test("an operation that the load does not have is refused by name", () => {
  expect(readThresholds(["GET /: p99 < 1 s"], ["GET /"])).toHaveLength(1);
  expect(() => readThresholds(["GET /x: p99 < 1 s"], ["GET /", "GET /y"])).toThrow(
    '--threshold: "GET /x: p99 < 1 s": no operation GET /x; there are GET /, GET /y',
  );
});
