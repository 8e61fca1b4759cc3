import { describe, expect, test } from "bun:test";
import type { Outcome } from "../model/load.ts";
import { AnswerCheck } from "./answer-check.ts";
import type { Answer } from "./workload.ts";

const answer = (status: number, body: unknown, degraded = false): Answer => ({
  status,
  degraded,
  head: "",
  body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
});
const nothing = { acknowledged: [], foreign_reads: [] };

describe("an answer to POST /orders", () => {
  const write = (given: Answer) => {
    const check = new AnswerCheck();
    const outcome = check.write(given, "tenant-03", 7);
    return { outcome, ...check.take() };
  };

  test("that is an order is remembered, paid or pending, degraded or not", () => {
    const paid = write(answer(201, { id: "o-1", status: "paid", amount_cents: 5 }));
    expect(paid).toEqual({
      outcome: "2xx",
      acknowledged: [{ id: "o-1", tenant: "tenant-03", status: "paid", second: 7 }],
      foreign_reads: [],
    });
    const pending = write(answer(202, { id: "o-2", status: "pending" }, true));
    expect(pending).toMatchObject({ outcome: "degraded", acknowledged: [{ id: "o-2", status: "pending" }] });
  });

  test.each([
    "",
    "ok",
    "null",
    "[]",
    '"o-1"',
    "{}",
    '{"id":"o-1"',
    { id: "o-1" },
    { id: "o-1", status: "failed" },
    { id: "", status: "paid" },
    { id: 7, status: "paid" },
    { id: "o".repeat(201), status: "paid" },
  ])("that is well and no order is unexpected, and acknowledges nothing: %j", (body) => {
    expect(write(answer(201, body))).toEqual({ outcome: "unexpected", ...nothing });
  });

  test.each<[number, Outcome]>([
    [303, "3xx"],
    [422, "4xx"],
    [503, "5xx"],
  ])("of status %d is what it is, whatever its body says", (status, outcome) => {
    expect(write(answer(status, { id: "o-1", status: "paid" }))).toEqual({ outcome, ...nothing });
  });
});

describe("an answer to GET /orders/{id}", () => {
  const read = (given: Answer) => {
    const check = new AnswerCheck();
    const outcome = check.read(given, "o-1", "tenant-03", 4);
    return { outcome, foreign: check.take().foreign_reads };
  };

  test("that is the order asked for is well, with and without its tenant", () => {
    for (const body of [{ id: "o-1" }, { id: "o-1", tenant_id: null }, { id: "o-1", tenant_id: "tenant-03" }])
      expect(read(answer(200, body))).toEqual({ outcome: "2xx", foreign: [] });
  });

  test.each<[unknown, string, string | null]>([
    [{ id: "o-2" }, "o-2", null],
    [{ id: "o-1", tenant_id: "tenant-04" }, "o-1", "tenant-04"],
    [{ id: "o-1", tenant_id: 4 }, "o-1", "4"],
    [{ tenant_id: "tenant-04" }, "", "tenant-04"],
  ])("that is another's is unexpected and remembered: %j", (body, got, got_tenant) => {
    const foreign = [{ asked: "o-1", got, tenant: "tenant-03", got_tenant, second: 4 }];
    expect(read(answer(200, body))).toEqual({ outcome: "unexpected", foreign });
  });

  test("that is no order is unexpected, and nobody's", () => {
    for (const body of ["", "{}", "[1]", '{"id":"o-1"'])
      expect(read(answer(200, body))).toEqual({ outcome: "unexpected", foreign: [] });
  });

  test("of another status is not looked into", () => {
    expect(read(answer(404, { id: "o-2" }))).toEqual({ outcome: "4xx", foreign: [] });
  });
});

test("what was taken is not given again", () => {
  const check = new AnswerCheck();
  check.write(answer(201, { id: "o-1", status: "paid" }), "tenant-01", 0);
  expect(check.take().acknowledged).toHaveLength(1);
  expect(check.take()).toEqual(nothing);
});
