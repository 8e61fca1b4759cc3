/** Before and after: two trials laid over each other, with what changed. @module */
import { type Comparison, compareRuns } from "../../experiment/compare.ts";
import { OPERATIONS } from "../../model/load.ts";
import { comparisonTable, headline } from "../comparison.ts";
import { type Entry, faultsText } from "../documents/entries.ts";
import { anchorOf } from "./anchor.ts";
import { chartFigure } from "./figure.ts";
import { html, type Markup, tableOf } from "./markup.ts";

/** Two trials of one page. */
export interface Overlay {
  before: Entry;
  after: Entry;
  comparison: Comparison;
}

export function overlaysOf(pairs: readonly (readonly [before: Entry, after: Entry])[]): Overlay[] {
  return pairs.flatMap(([before, after]) =>
    compareRuns(
      { document: before.run.document, hypothesis: before.hypothesis.name },
      { document: after.run.document, hypothesis: after.hypothesis.name },
    ).map((comparison) => ({ before, after, comparison })),
  );
}

/** @param placeOf of its curves, in the data's `pairs`; null: one of the two has none. */
export function overlaySection(
  overlays: readonly Overlay[],
  placeOf: (overlay: Overlay) => number | null,
): Markup {
  if (overlays.length === 0) return html``;
  const open = overlays.length === 1;
  return html`<section aria-labelledby="overlay">
<h2 id="overlay">Before and after</h2>
<p class="note">Trials laid over each other at their fault's begin, which is second 0. Dashed is before, a full line after.</p>
${overlays.map((each) => details(each, placeOf(each), open))}</section>
`;
}

function details({ before, after, comparison }: Overlay, place: number | null, open: boolean): Markup {
  const kinds = [
    { kind: "overlay-latency", what: "p99 latency" },
    { kind: "overlay-availability", what: "availability" },
  ] as const;
  const figures =
    place === null
      ? []
      : kinds.flatMap(({ kind, what }) =>
          OPERATIONS.map((endpoint, part) =>
            chartFigure({ kind, trial: place, part }, `${endpoint}: ${what}, before and after`),
          ),
        );
  return html`<details class="pair"${open ? html` open` : null}>
<summary><h3>${headline(comparison)}</h3> <span class="why">${faultsText(before.hypothesis)}</span></summary>
<p>Before: <a href="#${anchorOf(before)}">${before.trial}</a>, run ${before.run.document.run}.
After: <a href="#${anchorOf(after)}">${after.trial}</a>, run ${after.run.document.run}.</p>
<div class="charts">
${figures}</div>
${tableOf(comparisonTable(comparison))}</details>
`;
}
