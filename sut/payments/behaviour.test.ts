import { expect, test } from "bun:test";
import { Behaviours } from "./behaviour.ts";

const decisions = (behaviours: Behaviours, count = 10_000) =>
  Array.from({ length: count }, () => behaviours.refuses());

test("the error rate is the share of refusals, and the same seed refuses the same charges", () => {
  const [one, two] = [new Behaviours(5), new Behaviours(5)];
  one.set({ error_rate: 0.1 });
  two.set({ error_rate: 0.1 });
  const refused = decisions(one);
  expect(refused.filter(Boolean).length / refused.length).toBeWithin(0.09, 0.11);
  expect(decisions(two)).toEqual(refused);
  one.set({ error_rate: 0.1 });
  expect(decisions(one)).toEqual(refused);
});

test("normal refuses nothing, an outage everything, and a change leaves nothing of the one before", () => {
  const behaviours = new Behaviours(1);
  expect(decisions(behaviours, 100)).not.toContain(true);
  behaviours.set({ error_rate: 1 });
  expect(decisions(behaviours, 100)).not.toContain(false);
  expect(behaviours.set({ mode: "hang" })).toEqual({ error_rate: 0, delay_ms: 0, mode: "hang" });
  expect(behaviours.reset()).toEqual({ error_rate: 0, delay_ms: 0, mode: "normal" });
});
