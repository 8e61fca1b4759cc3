import { expect, test } from "bun:test";
import { FAULT_TYPES } from "../../model/params.ts";
import { checkInjectBody } from "../request.ts";
import { paramsOf } from "./fields.ts";
import { faultForms } from "./forms.ts";

const formOf = (type: string) => faultForms().find((form) => form.type === type)?.fields ?? [];
const field = (type: string, name: string) => formOf(type).find((each) => each.name === name);

test("a field has its unit, its bounds and what it may be, from the schema", () => {
  expect(field("latency", "delay_ms")).toEqual({
    name: "delay_ms",
    label: "delay",
    unit: "ms",
    required: true,
    kind: "number",
    accepts: "more than 0, at most 60000",
    choices: [],
    initial: "200",
  });
  expect(field("latency", "direction")).toMatchObject({ kind: "choice", choices: ["egress", "ingress"] });
  expect(field("latency", "peer")).toMatchObject({ kind: "node", required: false });
  expect(field("restart", "drain")).toMatchObject({ kind: "boolean", initial: "true" });
  expect(field("restart", "then")).toMatchObject({ kind: "nodes" });
  expect(field("memory", "limit_mib")).toMatchObject({
    unit: "MiB",
    accepts: "whole, 1 or more, at most 16777216",
  });
  expect(field("toxic", "rate_kb_per_s")).toMatchObject({ label: "rate", unit: "kB/s" });
});

test.each([...FAULT_TYPES])("the form of %s, sent as it is filled at first, is accepted", (type) => {
  const params = paramsOf(formOf(type), ({ initial }) => initial);
  expect(checkInjectBody({ type, target: "orders-1", params })).toMatchObject({ type, params });
});

test("an empty field is left out, a word where a number is needed is left to the controller", () => {
  const texts: Record<string, string> = { delay_ms: "much", jitter_ms: " ", peer: "api" };
  const params = paramsOf(formOf("latency"), ({ name }) => texts[name] ?? "");
  expect(params).toEqual({ delay_ms: "much", peer: "api" });
  expect(() => checkInjectBody({ type: "latency", target: "api", params })).toThrow();
  const names = paramsOf(formOf("restart"), ({ name }) => (name === "then" ? "orders-2, orders-1" : ""));
  expect(names).toEqual({ then: ["orders-2", "orders-1"] });
});
