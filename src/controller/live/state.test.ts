import { expect, test } from "bun:test";
import { LiveState } from "./state.ts";
import type { FaultView, Second, Snapshot } from "./wire.ts";

const second = (t: number): Second => ({ t, operations: null });
const snapshot = (seconds: Second[]): string =>
  JSON.stringify({ lab: "lab", now: 5_000, places: [], links: [], seconds, faults: [] } satisfies Snapshot);

test("a snapshot takes the place of what was known; ticks and faults come on top of it", () => {
  const state = new LiveState();
  state.apply({ name: "snapshot", data: snapshot([second(1), second(2)]) }, 4_000);
  expect(state.controllerTime(4_500)).toBe(5_500);
  state.apply({ name: "tick", data: JSON.stringify({ second: second(3), nodes: [] }) }, 4_000);
  expect(state.seconds.map(({ t }) => t)).toEqual([1, 2, 3]);
  const fault = { id: "f-1" } as FaultView;
  state.apply({ name: "faults", data: JSON.stringify([fault]) }, 4_000);
  expect(state.faults).toEqual([fault]);
  state.apply({ name: "snapshot", data: snapshot([second(9)]) }, 4_000);
  expect([state.seconds.length, state.faults.length]).toEqual([1, 0]);
});

test("what is older than ten minutes is forgotten; an unknown event changes nothing", () => {
  const state = new LiveState();
  state.apply({ name: "snapshot", data: snapshot([second(0), second(500_000)]) }, 0);
  state.apply({ name: "tick", data: JSON.stringify({ second: second(700_000), nodes: [] }) }, 0);
  state.apply({ name: "other", data: "not JSON" }, 0);
  expect(state.seconds.map(({ t }) => t)).toEqual([500_000, 700_000]);
});
