/**
 * The HTML report: one file that needs nothing else, no network and, for its tables, no script. The script draws the
 * curves from the numbers that the page carries.
 * @module
 */
import type { StoredRun } from "../../experiment/store.ts";
import { bundle } from "../../web/bundle.ts" with { type: "macro" };
import { page } from "../../web/page.ts";
import type { Entry } from "../documents/entries.ts";
import { amplificationSection } from "./amplification.ts";
import type { PageData } from "./data.ts";
import type { Drawing } from "./drawing.ts";
import { environmentSection } from "./environment.ts";
import { html, type Markup } from "./markup.ts";
import { type Overlay, type OverlayPlace, overlaySection } from "./overlay.ts";
import { recoverySection } from "./recovery.ts";
import { header, navigation, verdictSection } from "./summary.ts";
import { trialSection } from "./trial.ts";

const SCRIPT = bundle("src/report/html/client/main.ts");
const STYLE = bundle("src/report/html/client/report.css");

export interface Report {
  title: string;
  /** Those that the entries are of. */
  runs: readonly StoredRun[];
  entries: readonly Entry[];
  /** Null: the trial's record is not there. */
  drawingOf: (entry: Entry) => Drawing | null;
  /** Of two of the entries each. */
  overlays: readonly Overlay[];
}

/** The whole file. */
export function htmlReport({ title, runs, entries, drawingOf, overlays }: Report): string {
  const drawings = new Map(entries.map((entry) => [entry, drawingOf(entry)]));
  const drawn = entries.filter((entry) => drawings.get(entry));
  const placeOf = (entry: Entry): number | null => {
    const place = drawn.indexOf(entry);
    return place < 0 ? null : place;
  };
  const paired = overlays.flatMap((overlay): { overlay: Overlay; pair: [number, number] }[] => {
    const [before, after] = [placeOf(overlay.before), placeOf(overlay.after)];
    return before === null || after === null ? [] : [{ overlay, pair: [before, after] }];
  });
  const data: PageData = {
    trials: drawn.flatMap((entry) => {
      const drawing = drawings.get(entry);
      return drawing ? [{ ...drawing.curves, mttr_s: entry.verdict.mttr_s }] : [];
    }),
    pairs: paired.map(({ pair }) => pair),
  };
  const namesOf = (place: number | undefined): string[] =>
    data.trials[place ?? -1]?.endpoints.map(({ name }) => name) ?? [];
  const overlayPlace = (overlay: Overlay): OverlayPlace | null => {
    const place = paired.findIndex((each) => each.overlay === overlay);
    const [before, after] = paired[place]?.pair ?? [];
    return place < 0 ? null : { place, before: namesOf(before), after: namesOf(after) };
  };
  const documents = runs.map(({ document }) => document);
  const isOne = entries.length === 1;
  const sections = html`${verdictSection(entries, documents)}
${isOne ? null : recoverySection(entries, placeOf)}
${overlaySection(overlays, overlayPlace)}
${isOne ? null : amplificationSection(entries)}
<section aria-labelledby="trials">
<h2 id="trials">${isOne ? "Trial" : "Trials"}</h2>
${isOne ? null : html`<p class="unfold"><button type="button" data-unfold="all" hidden>Unfold all</button> <button type="button" data-unfold="none" hidden>Fold all</button></p>`}
${entries.map((entry) => trialSection(entry, drawings.get(entry) ?? null, placeOf(entry) ?? 0, isOne))}</section>
${environmentSection(runs)}`;
  const body: Markup = html`${navigation(entries, sections)}<main>
${header(title, documents, runs.length === 1 ? (runs[0]?.schedule.description?.trim() ?? "") : "")}
<noscript><p class="note">The curves need JavaScript. The same, as pictures: chart-*.svg in the run's folder.</p></noscript>
${sections}</main>
`;
  return page({ title, style: STYLE, script: SCRIPT, body: body.text, data }).html;
}
