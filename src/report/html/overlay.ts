/** Before and after: two trials laid over each other, with what changed. @module */
import { type Comparison, compareRuns } from "../../experiment/compare.ts";
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

/** Where the curves of a pair are. */
export interface OverlayPlace {
  /** In the data's `pairs`. */
  place: number;
  /** Names of the endpoints of the one before, in the order of its curves. */
  before: readonly string[];
  after: readonly string[];
}

/** @param placeOf null: one of the two has no curves. */
export function overlaySection(
  overlays: readonly Overlay[],
  placeOf: (overlay: Overlay) => OverlayPlace | null,
): Markup {
  if (overlays.length === 0) return html``;
  const open = overlays.length === 1;
  return html`<section aria-labelledby="overlay">
<h2 id="overlay">Before and after</h2>
<p class="note">Trials laid over each other at their fault's begin, which is second 0. Dashed is before, a full line after.</p>
${overlays.map((each) => details(each, placeOf(each), open))}</section>
`;
}

function details({ before, after, comparison }: Overlay, at: OverlayPlace | null, open: boolean): Markup {
  const kinds = [
    { kind: "overlay-latency", what: "p99 latency" },
    { kind: "overlay-availability", what: "availability" },
  ] as const;
  const figures =
    at === null
      ? []
      : kinds.flatMap(({ kind, what }) =>
          at.before.flatMap((endpoint, part) =>
            at.after.includes(endpoint)
              ? [chartFigure({ kind, trial: at.place, part }, `${endpoint}: ${what}, before and after`)]
              : [],
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
