/** Before and after, as a table. @module */
import type { Change, Comparison } from "../experiment/compare.ts";
import { showSli } from "../model/sli.ts";
import { isToStore, type Table } from "./text.ts";

/** `payments-200ms: failed -> held, better`. */
export function headline({ before, after, steps }: Comparison): string {
  const name =
    before.hypothesis === after.hypothesis
      ? before.hypothesis
      : `${before.hypothesis} -> ${after.hypothesis}`;
  const how = steps === 0 ? "the same" : steps < 0 ? "better" : "worse";
  return `${name}: ${before.result} -> ${after.result}, ${how}`;
}

/** Rows without a value on either side are left out. */
export function comparisonTable({ before, after, changes }: Comparison): Table {
  return {
    title: "before and after",
    heading: [
      "",
      ...(before.run === after.run ? [before.hypothesis, after.hypothesis] : [before.run, after.run]).map(
        (name) => `>${name}`,
      ),
      ">change",
      "",
    ],
    rows: changes
      .filter((change) => change.before !== null || change.after !== null)
      .filter((change) => !isToStore(change.what) || Math.abs(change.delta ?? 0) >= 0.01)
      .map((change) => [
        change.what,
        show(change, change.before, before.timeout_ms),
        show(change, change.after, after.timeout_ms),
        showDelta(change),
        judgement(change),
      ]),
  };
}

function show({ unit }: Change, value: number | null, timeoutMs?: number): string {
  if (value === null) return "none";
  if (unit === "s") return `${Number(value.toFixed(1))} s`;
  if (unit === "x") return `${value.toFixed(2)}x`;
  return showSli(value, unit, timeoutMs);
}

function showDelta(change: Change): string {
  const { delta, before } = change;
  if (delta === null) return "";
  if (delta === 0) return "0";
  const sign = delta > 0 ? "+" : "-";
  const relative = before ? ` (${sign}${Math.abs((delta / before) * 100).toFixed(0)} %)` : "";
  return `${sign}${show(change, Math.abs(delta))}${change.unit === "share" ? "" : relative}`;
}

function judgement({ delta, better }: Change): string {
  if (delta === null || delta === 0 || better === "neither") return "";
  return delta < 0 === (better === "smaller") ? "better" : "worse";
}
