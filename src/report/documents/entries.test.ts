import { expect, test } from "bun:test";
import type { StoredRun } from "../../experiment/store.ts";
import { cascade, payments200ms, trial } from "../../experiment/synthetic.ts";
import { judge } from "../../experiment/verdict.ts";
import { MITIGATIONS, type Mitigation } from "../../model/mitigations.ts";
import type { Hypothesis } from "../../model/schedule.ts";
import type { Verdict } from "../../model/verdict.ts";
import { type Entry, entriesOf, faultsText, latest, pairs, systemText } from "./entries.ts";

const judged = judge(trial());

/** A run of hypotheses that are all about one fault, begun in this minute. */
function runOf(
  minute: number,
  changes: readonly (Partial<Hypothesis> & Partial<Verdict>)[],
  repeats = 1,
): StoredRun {
  const hypotheses = changes.map(({ name = "a", fault = payments200ms.fault, experiment }) => ({
    ...payments200ms,
    name,
    ...(fault && { fault }),
    ...(experiment === undefined ? {} : { experiment }),
  }));
  const verdicts = changes.map(({ name = "a", mitigations = [], result = "held", repeat = 1 }) => ({
    ...judged,
    ...{ hypothesis: name, mitigations: [...mitigations] as Mitigation[], result, repeat },
  }));
  const started_at = `2026-11-26T10:0${minute}:00.000Z`;
  const document = {
    run: `run-${minute}`,
    started_at,
    verdicts,
    repeats,
  } as unknown as StoredRun["document"];
  return { folder: `run-${minute}`, document, schedule: { ...cascade, hypotheses }, source: "" };
}

const names = (entries: readonly Entry[]): string[] =>
  entries.map(({ run, trial, verdict }) => `${run.document.run} ${trial} ${verdict.result}`);

test("trials stand in the order of their runs, whatever order those are given in", () => {
  const entries = entriesOf([runOf(2, [{ name: "b" }]), runOf(1, [{ name: "a" }, { name: "c" }])]);
  expect(names(entries)).toEqual(["run-1 a held", "run-1 c held", "run-2 b held"]);
});

test("of a hypothesis the last run counts, and of its repeats the worst", () => {
  const first = runOf(1, [{ name: "a", result: "failed" }, { name: "b" }]);
  const repeated = [
    { name: "a", repeat: 1 },
    { name: "a", repeat: 2, result: "degraded" as const },
    { name: "a", repeat: 3 },
  ];
  expect(names(latest(entriesOf([runOf(2, repeated, 3), first])))).toEqual([
    "run-2 a-2 degraded",
    "run-1 b held",
  ]);
});

test("trials of the same faults are a pair when their mitigations differ, and only then", () => {
  const other: Hypothesis["fault"] = { type: "kill", target: "orders-1", params: {} };
  const entries = entriesOf([
    runOf(1, [
      { name: "bare" },
      { name: "killed", fault: other },
      { name: "bare-again" },
      { name: "mitigated", mitigations: ["timeout"] },
    ]),
  ]);
  expect(pairs(entries).map((pair) => pair.map(({ hypothesis }) => hypothesis.name))).toEqual([
    ["bare", "mitigated"],
  ]);
});

test("a fault in words; the same on several targets is said once", () => {
  const { fault: _, ...rest } = payments200ms;
  const loss = (target: string) => ({ type: "loss" as const, target, params: { loss_percent: 5 } });
  const kill = { type: "kill" as const, target: "api", params: {}, at_s: 10 };
  expect(faultsText({ ...rest, faults: [loss("orders-1"), loss("orders-2"), kill] })).toBe(
    "loss (loss_percent 5) on orders-1, orders-2; kill after 10 s on api",
  );
  expect(faultsText(payments200ms)).toBe("latency (delay_ms 200, jitter_ms 20) on payments");
});

test("mitigations by what is missing, where that is shorter", () => {
  expect(systemText([])).toBe("none");
  expect(systemText(MITIGATIONS)).toBe("all");
  expect(systemText(["timeout", "outbox"])).toBe("timeout,outbox");
  expect(systemText(MITIGATIONS.filter((name) => name !== "draining"))).toBe("all but draining");
});
