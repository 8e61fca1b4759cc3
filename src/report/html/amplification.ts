/** Retry amplification: attempts per call of each edge, before the fault and in it. @module */
import type { Amplification } from "../../model/verdict.ts";
import type { Entry } from "../documents/entries.ts";
import { isToStore, type Table } from "../text.ts";
import { anchorOf } from "./anchor.ts";
import { html, type Markup, type Part, tableOf } from "./markup.ts";

const times = (value: number | null): string => (value === null ? "none" : `${value.toFixed(2)}x`);

/** A bar as long as the value's share of the longest; drawn only, as the number stands beside it. */
function bar(value: number | null, longest: number, kind: "before" | "fault"): Markup {
  const width = Math.round(((value ?? 0) / longest) * 1_000) / 10;
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="${kind}" width="${width}" height="10"/></svg>`;
}

/** @param rows edges worth a row. */
export function amplificationTable(rows: readonly Amplification[]): Markup {
  if (rows.length === 0) return html``;
  const longest = Math.max(1, ...rows.flatMap(({ baseline, fault }) => [baseline ?? 0, fault ?? 0]));
  const table: Table = {
    title: "retry amplification: attempts per call",
    heading: ["edge", "before", "in fault"],
    rows: rows.map(({ edge, baseline, fault }) => [edge, times(baseline), times(fault)]),
  };
  return tableOf(table, (text, row, column): Part => {
    const of = rows[row];
    if (!of || column === 0) return text;
    return column === 1
      ? [bar(of.baseline, longest, "before"), " ", text]
      : [bar(of.fault, longest, "fault"), " ", text];
  });
}

/** All trials by edge, as it was in the fault; edges where no trial has more than one attempt per call are left out. */
export function amplificationSection(entries: readonly Entry[]): Markup {
  const edges = [...new Set(entries.flatMap(({ verdict }) => verdict.amplification.map(({ edge }) => edge)))];
  const factor = ({ verdict }: Entry, edge: string): number | null =>
    verdict.amplification.find((each) => each.edge === edge)?.fault ?? null;
  const shown = edges.filter((edge) =>
    entries.some((entry) => (factor(entry, edge) ?? 0) >= (isToStore(edge) ? 1.01 : 1.005)),
  );
  if (shown.length === 0) return html``;
  const table: Table = {
    title: "attempts per call in the fault",
    heading: ["trial", ...shown.map((edge) => `>${edge}`)],
    rows: entries.map((entry) => [entry.trial, ...shown.map((edge) => times(factor(entry, edge)))]),
  };
  return html`<section aria-labelledby="amplification">
<h2 id="amplification">Retry amplification</h2>
<p class="note">More than 1 is retries; less is calls that never got an attempt, as behind an open breaker. Before the
fault and by edge: with each trial.</p>
${tableOf(table, (text, row, column) => {
  const entry = entries[row];
  if (!entry) return text;
  if (column === 0) return html`<a href="#${anchorOf(entry)}">${text}</a>`;
  const value = factor(entry, shown[column - 1] ?? "") ?? 0;
  return value >= 1.1 ? html`<strong>${text}</strong>` : text;
})}</section>
`;
}
