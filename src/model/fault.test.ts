import { expect, test } from "bun:test";
import { type FaultEvent, isFaultId, leftOf, newFaultId } from "./fault.ts";

const event: FaultEvent = {
  id: "f-1a2b3c4d",
  fault_type: "stop",
  target: "redis",
  params: {},
  backend: "sigstop",
  t_start: 1,
  t_stop: 2,
  evidence: null,
  gone: true,
  remains: null,
};

test.each([
  [{}, null],
  [{ t_stop: null, gone: null }, null],
  [{ gone: false, remains: "stopped processes: 7" }, "of it remains: stopped processes: 7"],
  [{ gone: null, remains: "nobody could look: no answer" }, "nobody could look: no answer"],
] as const)("of a fault that ended as %j is to be said: %p", (end, said) => {
  expect(leftOf({ ...event, ...end })).toBe(said);
});

test("ids are told from other words", () => {
  for (let i = 0; i < 100; i++) expect(isFaultId(newFaultId())).toBe(true);
  for (const word of ["payments", "f-1", "f-1A2B3C4D", "f-1a2b3c4d5", ""])
    expect(isFaultId(word)).toBe(false);
});
