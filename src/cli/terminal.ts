/**
 * What a person sees: colour when it is wanted, live lines in a terminal, plain lines when piped.
 * Progress goes to stderr, so that stdout stays the answer (a table, or one JSON document).
 * @module
 */

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

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

/** Progress of a long command on stderr. */
export class Progress {
  readonly #live: boolean;
  readonly #quiet: boolean;
  #lineOpen = false;
  #lastPlain = Number.NEGATIVE_INFINITY;

  constructor(options: { quiet?: boolean } = {}) {
    this.#quiet = options.quiet ?? false;
    this.#live = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  }

  /** A line that stays. */
  say(text: string): void {
    if (this.#quiet) return;
    this.#closeLine();
    process.stderr.write(`${text}\n`);
  }

  /** A line that the next one replaces; when piped, printed as a plain line at most every `everyMs`. */
  tick(text: string, everyMs = 5_000): void {
    if (this.#quiet) return;
    if (this.#live) {
      const width = process.stderr.columns ?? 80;
      process.stderr.write(`\r\x1b[2K${text.slice(0, width - 1)}`);
      this.#lineOpen = true;
      return;
    }
    const now = performance.now();
    if (now - this.#lastPlain < everyMs) return;
    this.#lastPlain = now;
    process.stderr.write(`${text}\n`);
  }

  #closeLine(): void {
    if (this.#lineOpen) process.stderr.write("\r\x1b[2K");
    this.#lineOpen = false;
  }

  end(): void {
    this.#closeLine();
  }
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
