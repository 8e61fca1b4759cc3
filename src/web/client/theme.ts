/** The colours of theme.css for what is drawn on a canvas. @module */

export type ColourName =
  | "ground"
  | "line"
  | "text"
  | "quiet"
  | "fault"
  | "fault-ground"
  | "series-1"
  | "series-2"
  | "series-3"
  | "series-4";

/** What the colour is now: the reader's scheme may change at any time. */
export function colour(name: ColourName): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** How every chart draws an axis; numbers are in CSS pixels. */
export const axisStyle = (fontPx: number) => ({
  stroke: () => colour("quiet"),
  font: `${fontPx}px system-ui, sans-serif`,
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { stroke: () => colour("line"), width: 1, size: 4 },
});

/** Calls back whenever the reader's scheme has changed. */
export function onSchemeChange(act: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}
