/** Which faults the system heals from by itself, ranked by how long that takes. @module */

import type { Verdict } from "../../model/verdict.ts";
import { type Entry, faultsText } from "../documents/entries.ts";
import { seconds, type Table } from "../text.ts";
import { anchorOf } from "./anchor.ts";
import { chartFigure } from "./figure.ts";
import { html, type Markup, tableOf } from "./markup.ts";
import { badge } from "./result.ts";

/** How a trial ended once its fault was gone, by its SLIs alone; of an inconclusive one nothing is said. */
export type Healing = "did not come back" | "healed" | "absorbed" | "inconclusive";

/** Null: there was no fault to heal from. */
export function healingOf({ fault_events, mttr, mttr_s, result }: Verdict): Healing | null {
  if (fault_events.length === 0) return null;
  if (result === "inconclusive") return "inconclusive";
  if (mttr_s === null) return "did not come back";
  // A second that was out of a steady bound, and inside that of the fault, is no breach.
  return mttr.detect_s === null ? "absorbed" : "healed";
}

/**
 * Slowest first: what was not seen to come back, then by MTTR, and at the end the inconclusive ones; trials without a
 * fault are left out.
 */
export function ranked<T extends { verdict: Verdict }>(entries: readonly T[]): T[] {
  const timeOf = ({ verdict }: T): number =>
    healingOf(verdict) === "inconclusive" ? -1 : (verdict.mttr_s ?? Number.POSITIVE_INFINITY);
  return entries
    .filter(({ verdict }) => healingOf(verdict) !== null)
    .toSorted((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(b) - timeOf(a)));
}

export function recoverySection(entries: readonly Entry[], placeOf: (entry: Entry) => number | null): Markup {
  const order = ranked(entries);
  if (order.length === 0) return html``;
  const table: Table = {
    title: "recovery, slowest first",
    heading: [
      ">#",
      "trial",
      "result",
      "fault",
      "by itself",
      ">detected after",
      ">reverted in",
      ">back after",
    ],
    rows: order.map(({ hypothesis, trial, verdict }, i) => [
      String(i + 1),
      trial,
      verdict.result,
      faultsText(hypothesis),
      healingOf(verdict) ?? "",
      verdict.mttr.detect_s === null ? "no breach" : seconds(verdict.mttr.detect_s),
      seconds(verdict.mttr.revert_s),
      seconds(verdict.mttr.recover_s),
    ]),
  };
  const count = (healing: Healing): number =>
    order.filter(({ verdict }) => healingOf(verdict) === healing).length;
  // Where there is no recovery to look at, the curve stands with the trial only.
  const curves = order.flatMap((entry, i) => {
    const place = placeOf(entry);
    const healing = healingOf(entry.verdict);
    if (place === null || healing === "absorbed" || healing === "inconclusive") return [];
    const back =
      entry.verdict.mttr_s === null ? "not seen to come back" : `back after ${entry.verdict.mttr_s} s`;
    return [
      chartFigure(
        { kind: "recovery", trial: place },
        `${i + 1}. ${entry.trial}: ${back}`,
        html`<a href="#${anchorOf(entry)}">${entry.trial}</a>: ${back}`,
      ),
    ];
  });
  return html`<section aria-labelledby="recovery">
<h2 id="recovery">Recovery</h2>
<p>From the fault's removal until every SLI is inside its steady bound and stays there. By the SLIs alone,
${count("absorbed")} absorbed the fault, ${count("healed")} healed by themselves, ${count("did not come back")} did not come back
while they were watched; ${count("inconclusive")} were inconclusive.</p>
${tableOf(table, (text, row, column) => {
  const entry = order[row];
  if (!entry || column < 1 || column > 2) return text;
  return column === 1 ? html`<a href="#${anchorOf(entry)}">${text}</a>` : badge(entry.verdict.result);
})}
<p class="note">A curve shows the SLI that is furthest out, as a multiple of its steady bound, over the five seconds from
each second: below 1 every SLI is back. Second 0 is the fault's removal.</p>
<div class="charts small">
${curves}</div>
</section>
`;
}
