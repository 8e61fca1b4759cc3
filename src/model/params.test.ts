import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { aspectOf, brokenRule, literalsOf, PARAMS } from "./params.ts";

const broken = (params: Record<string, unknown>): string | null => {
  expect(Value.Check(PARAMS.toxic, params)).toBeTrue();
  const rule = brokenRule("toxic", params, "payments");
  return rule && `${rule.field}: ${rule.message}`;
};

test.each([
  [{ toxic: "latency", latency_ms: 100, jitter_ms: 100, peer: "orders-1", stream: "upstream" }],
  [{ toxic: "bandwidth", rate_kb_per_s: 0, toxicity_percent: 50 }],
  [{ toxic: "slow_close", delay_ms: 10 }],
  [{ toxic: "timeout", timeout_ms: 0 }],
  [{ toxic: "reset_peer", timeout_ms: 0, seed: 7 }],
  [{ toxic: "slicer", average_size_bytes: 10, size_variation_bytes: 5, delay_us: 100 }],
  [{ toxic: "limit_data", limit_bytes: 1 }],
])("a toxic with its own fields is accepted: %j", (params) => {
  expect(broken(params)).toBeNull();
});

test.each([
  [{ toxic: "latency" }, "latency_ms: latency needs it"],
  [{ toxic: "slicer", delay_us: 5 }, "average_size_bytes: slicer needs it"],
  [
    { toxic: "timeout", timeout_ms: 1, latency_ms: 2 },
    "latency_ms: timeout does not take it; it takes timeout_ms",
  ],
  [{ toxic: "latency", latency_ms: 5, jitter_ms: 6 }, "jitter_ms: 6 is more than latency_ms (5)"],
  [
    { toxic: "slicer", average_size_bytes: 5, size_variation_bytes: 6 },
    "size_variation_bytes: 6 is more than average_size_bytes (5)",
  ],
])("%j is refused", (params, message) => {
  expect(broken(params)).toBe(message);
});

test.each([
  { toxic: "down" },
  { toxic: "latency", latency_ms: -1 },
  { toxic: "latency", latency_ms: 1.5 },
  { toxic: "timeout", timeout_ms: 1, toxicity_percent: 0 },
  { toxic: "timeout", timeout_ms: 1, stream: "both" },
])("%j does not fit the schema", (params) => {
  expect(Value.Check(PARAMS.toxic, params)).toBeFalse();
});

test("toxics of one kind and stream are one aspect of their target, others are others", () => {
  const aspect = (toxic: string, stream?: string) => aspectOf("toxic", { toxic, ...(stream && { stream }) });
  expect(aspect("latency")).toBe(aspect("latency", "downstream"));
  expect(aspect("latency")).not.toBe(aspect("latency", "upstream"));
  expect(aspect("latency")).not.toBe(aspect("timeout"));
  expect(aspectOf("loss", { loss_percent: 1 })).toBe(aspectOf("loss", { loss_percent: 2 }));
});

test("what a choice accepts can be told, and nothing is told of what is no choice", () => {
  expect(literalsOf(PARAMS.partition.properties.direction)).toEqual(["both", "egress", "ingress"]);
  expect(literalsOf(PARAMS.partition.properties.peer)).toBeNull();
  expect(literalsOf(PARAMS.cpu)).toBeNull();
});
