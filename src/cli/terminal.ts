/**
 * What a person sees: colour when it is wanted, live lines in a terminal, plain lines when piped.
 * Progress goes to stderr, so that stdout stays the answer (a table, or one JSON document).
 * @module
 */

import { type Block, erased, fitBlock, redrawn, type Size, type Style } from "./block.ts";

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colour is used on a terminal unless NO_COLOR (no-color.org) is set or TERM is dumb. */
export function colourWanted(
  stream: { isTTY?: boolean },
  env: Record<string, string | undefined> = process.env,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

/** A painter for one stream: the text itself when that stream should stay plain. */
export function painter(stream: { isTTY?: boolean }): (style: Style, text: string) => string {
  const on = colourWanted(stream);
  return (style, text) => (on ? `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m` : text);
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

/** Progress of a long command on stderr. */
export class Progress {
  readonly #live: boolean;
  readonly #quiet: boolean;
  readonly #paint = painter(process.stderr);
  #block: Block | null = null;
  /** Width of each line of the block on the screen. */
  #drawn: number[] = [];
  #cursorHidden = false;
  #lastPlain = Number.NEGATIVE_INFINITY;
  readonly #redraw = (): void => this.#draw();
  readonly #showCursor = (): void => {
    if (this.#cursorHidden) process.stderr.write(SHOW_CURSOR);
    this.#cursorHidden = false;
  };

  constructor(options: { quiet?: boolean } = {}) {
    this.#quiet = options.quiet ?? false;
    this.#live = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  }

  /** A line that stays. */
  say(text: string): void {
    if (this.#quiet) return;
    process.stderr.write(`${this.#erasure()}${text}\n`);
    this.#draw();
  }

  /** A line that the next one replaces; when piped, printed as a plain line at most every `everyMs`. */
  tick(text: string, everyMs = 5_000): void {
    this.show(() => [{ text }], text, everyMs);
  }

  /** Lines that the next ones replace; when piped, `plain` is printed instead, at most every `everyMs`. */
  show(block: Block, plain: string, everyMs = 5_000): void {
    if (this.#quiet) return;
    if (this.#live) {
      if (this.#block === null) {
        process.stderr.on("resize", this.#redraw);
        process.on("exit", this.#showCursor);
      }
      this.#block = block;
      this.#draw();
      return;
    }
    const now = performance.now();
    if (now - this.#lastPlain < everyMs) return;
    this.#lastPlain = now;
    process.stderr.write(`${plain}\n`);
  }

  end(): void {
    if (this.#block === null) return;
    process.stderr.write(this.#erasure());
    this.#showCursor();
    this.#block = null;
    process.stderr.off("resize", this.#redraw);
    process.off("exit", this.#showCursor);
  }

  #draw(): void {
    if (this.#block === null) return;
    const size = sizeOf(process.stderr);
    const lines = fitBlock(this.#block(size), size);
    // A single line is rewritten in one go, under the cursor. A command with more of them sees to it that it exits
    // in order, so that the cursor comes back.
    const hide = lines.length > 1 && !this.#cursorHidden;
    if (hide) this.#cursorHidden = true;
    const text = redrawn(lines, this.#drawn, size.columns, this.#paint);
    process.stderr.write(`${hide ? HIDE_CURSOR : ""}${text}`);
    this.#drawn = lines.map(({ text }) => Bun.stringWidth(text));
  }

  #erasure(): string {
    const text = erased(this.#drawn, sizeOf(process.stderr).columns);
    this.#drawn = [];
    return text;
  }
}

/** A terminal that does not know its size is taken for the usual one. */
function sizeOf({ columns, rows }: { columns?: number; rows?: number }): Size {
  return { columns: columns || 80, rows: rows || 24 };
}

/** Lays rows out in columns; the first row is the heading. Cells must be free of colour codes. */
export function table(
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[] = [],
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) =>
          align[i] === "right" ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
