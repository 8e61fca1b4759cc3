/**
 * Lines that are redrawn in place: what to write to a terminal so that they take the place of those before.
 * @module
 */

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Line {
  text: string;
  style?: Style;
}

export interface Size {
  columns: number;
  rows: number;
}

/** Lines for a terminal of that size. Longer or more of them than fit are cut. */
export type Block = (size: Size) => readonly Line[];

const graphemes = new Intl.Segmenter();

/** The text on one line of at most `width` columns; what is cut off is marked. */
export function fit(text: string, width: number): string {
  const plain = text.replace(/\p{Cc}/gu, " ");
  if (Bun.stringWidth(plain) <= width) return plain;
  let taken = "";
  let used = 0;
  for (const { segment } of graphemes.segment(plain)) {
    used += Bun.stringWidth(segment);
    if (used > width - 1) break;
    taken += segment;
  }
  return width > 0 ? `${taken}…` : "";
}

/** Lines cut to a terminal, the last column and row left free, so that it neither wraps nor scrolls. */
export function fitBlock(lines: readonly Line[], { columns, rows }: Size): Line[] {
  return lines
    .slice(0, Math.max(1, rows - 1))
    .map((line) => ({ ...line, text: fit(line.text, Math.max(1, columns - 1)) }));
}

/** Rows that drawn lines of these widths take; a terminal made narrower since has broken those that are wider. */
const rowsOf = (widths: readonly number[], columns: number): number =>
  widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);

/** Takes the cursor from the end of drawn lines of these widths to the start of the first. */
function home(widths: readonly number[], columns: number): string {
  const rows = rowsOf(widths, columns);
  return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
}

/** Draws lines in place of those of the given widths, one over the other so that nothing flickers. */
export function redrawn(
  lines: readonly Line[],
  widths: readonly number[],
  columns: number,
  paint: (style: Style, text: string) => string,
): string {
  const painted = lines.map(({ text, style }) => `${style ? paint(style, text) : text}\x1b[K`);
  return `${home(widths, columns)}${painted.join("\r\n")}\x1b[J`;
}

/**
 * Removes drawn lines of these widths. Not from their first row on in one go: where that is the screen's first, some
 * terminals take it for a cleared screen and keep what was there in their history.
 */
export function erased(widths: readonly number[], columns: number): string {
  if (widths.length === 0) return "";
  const below = rowsOf(widths, columns) > 1 ? "\r\n\x1b[J\x1b[A" : "";
  return `${home(widths, columns)}\x1b[K${below}`;
}
