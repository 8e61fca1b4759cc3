/** What the pictures share: frame, grid, legend, colours. @module */
import { escapeXml } from "../web/escape.ts";

export const WIDTH = 860;
export const LEFT = 64;
export const RIGHT = 16;

/** A palette that stays apart for colour-blind eyes (Okabe and Ito, 2008). */
export const BLUE = "#0072b2";
export const ORANGE = "#d55e00";
export const GREEN = "#009e73";
export const PALETTE = [BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9"];

/** A whole picture: heading, white ground, and the parts. `about` completes the title that screen readers tell. */
export function svg(height: number, heading: string, about: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeXml(heading)}: ${escapeXml(about)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" font-size="15" font-weight="600" fill="#111">${escapeXml(heading)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** A line across at a value of the vertical axis, and the value. */
export function grid(y: number, label: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${r(y)}" y2="${r(y)}" stroke="#ddd"/>
<text x="${LEFT - 6}" y="${r(y + 4)}" text-anchor="end" fill="#555">${escapeXml(label)}</text>`;
}

/** A dashed line across with a label, e.g. an SLO. */
export function limitLine(y: number, label: string, anchor: "start" | "end" = "end"): string {
  const x = anchor === "end" ? WIDTH - RIGHT : LEFT + 6;
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${r(y)}" y2="${r(y)}" stroke="#555" stroke-dasharray="5 4"/>
<text x="${x}" y="${r(y) - 4}" text-anchor="${anchor}" fill="#555">${escapeXml(label)}</text>`;
}

/** Of a colour and its name in a legend, in pixels, about. */
const widthOf = ({ label }: { label: string }): number => label.length * 6.4 + 20;

/** Colours and names, at the right above a panel. */
export function legend(series: readonly { label: string; colour: string }[], offset: number): string {
  let x = WIDTH - RIGHT;
  return series
    .toReversed()
    .map(({ label, colour }) => {
      x -= widthOf({ label });
      return `<rect x="${r(x)}" y="${offset + 2}" width="10" height="10" fill="${colour}"/>
<text x="${r(x + 14)}" y="${offset + 11}" fill="#333" font-size="11">${escapeXml(label)}</text>`;
    })
    .join("\n");
}

const LONGEST_LABEL = 48;

export const shortLabel = (label: string): string =>
  label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;

/** Series by the row of a legend that they stand in, where a row has so many pixels. */
export function legendRows<T extends { label: string }>(series: readonly T[], width: number): T[][] {
  const rows: T[][] = [];
  let left = 0;
  for (const each of series) {
    const needed = widthOf(each);
    const row = rows.at(-1);
    if (row && needed <= left) row.push(each);
    else rows.push([each]);
    left = (row && needed <= left ? left : width) - needed;
  }
  return rows;
}

/** The next of 1, 2, 5 times a power of ten. */
export function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((each) => each * power >= value) ?? 10;
  return step * power;
}

export const r = (value: number): number => Math.round(value * 10) / 10;
