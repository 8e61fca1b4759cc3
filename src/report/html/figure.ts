/** The place of a chart: the page's script finds it by its attributes, and draws in it. @module */
import type { ChartKind } from "./data.ts";
import { html, type Markup, type Part } from "./markup.ts";

export interface ChartPlace {
  kind: ChartKind;
  /** Place in the data's `trials`; of an overlay, in its `pairs`. */
  trial: number;
  /** Which of the trial's endpoints or servers' SLIs. Default: the first. */
  part?: number;
}

/**
 * @param label what is shown, in words: for those who do not see it.
 * @param caption what stands above it. Default: the label.
 */
export function chartFigure(
  { kind, trial, part = 0 }: ChartPlace,
  label: string,
  caption: Part = label,
): Markup {
  return html`<figure class="chart" data-kind="${kind}" data-trial="${trial}" data-part="${part}">
<figcaption>${caption}</figcaption>
<div class="plot" role="img" aria-label="${label}"></div>
</figure>
`;
}
