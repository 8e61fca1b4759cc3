import { expect, test } from "bun:test";
import { behaviourOf, dependencyEvidence, parseRefused } from "./dependency.ts";

test.each([
  [{ error_rate_percent: 10 }, { error_rate: 0.1, delay_ms: 0, mode: "normal" }],
  [{ delay_ms: 800 }, { error_rate: 0, delay_ms: 800, mode: "normal" }],
  [
    { mode: "hang" as const, delay_ms: 5 },
    { error_rate: 0, delay_ms: 5, mode: "hang" },
  ],
])("%p", (params, behaviour) => {
  expect(behaviourOf(params)).toEqual(behaviour);
});

test.each([
  ['chaoslab_charges_total{result="refused",service="payments"} 17', 17],
  ['chaoslab_charges_total{service="payments",result="refused"} 1.5e+03', 1_500],
  ['chaoslab_charges_total{result="charged"} 4', 0],
  ["# HELP chaoslab_charges_total Charges", 0],
])("refused charges in %p", (metrics, refused) => {
  expect(parseRefused(`x 1\n${metrics}\ny{a="b"} 2\n`)).toBe(refused);
});

test("a provider that has forgotten what it was told is no evidence", () => {
  const asked = { error_rate: 0, delay_ms: 0, mode: "hang" };
  expect(dependencyEvidence(asked, { ...asked }, 0).landed).toBe(true);
  expect(dependencyEvidence(asked, { ...asked, mode: "normal" }, 3)).toMatchObject({
    landed: false,
    measures: { refused_charges: 3 },
  });
});
