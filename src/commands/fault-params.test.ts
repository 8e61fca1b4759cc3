import { expect, test } from "bun:test";
import { paramsFromFlags, paramsHelp } from "./fault-params.ts";

test.each([
  [
    { drain: true, then: "orders-2" },
    { drain: true, then: ["orders-2"] },
  ],
  [
    { drain: false, then: "orders-2,redis" },
    { drain: false, then: ["orders-2", "redis"] },
  ],
  [
    { drain: "true", then: ["orders-2", "redis,api"] },
    { drain: true, then: ["orders-2", "redis", "api"] },
  ],
  [
    { drain: true, then: 7, graceMs: 5 },
    { drain: true, then: ["7"], grace_ms: 5 },
  ],
])("a list comes with commas or flag by flag: %p", (flags, params) => {
  expect(paramsFromFlags("restart", { ...flags, target: "orders-1" }, ["target"])).toEqual(params);
});

test.each([
  ["restart", { then: true }, "--then: a value is needed"],
  ["latency", { peer: true }, "--peer: a value is needed"],
  ["latency", { peer: ["api", "redis"] }, "--peer: given 2 times, once is accepted"],
  ["restart", { after: "redis" }, "restart: unknown flag --after"],
] as const)("%s refuses %p in one line: %s", (type, flags, message) => {
  expect(() => paramsFromFlags(type, flags, [])).toThrow(message);
});

test("help names the flags of a rolling restart", () => {
  expect(paramsHelp()).toMatch(/ restart +--drain \[--grace-ms\] \[--then\] \[--ready-ms\]$/m);
});

test("a number is read from its text, a text that looks like one stays a text", () => {
  expect(paramsFromFlags("latency", { delayMs: "250", peer: "7" }, [])).toEqual({ delay_ms: 250, peer: "7" });
  expect(paramsFromFlags("latency", { delayMs: "12x" }, [])).toEqual({ delay_ms: "12x" });
});
