/**
 * Logging: one JSON object per line on stderr. Requests are counted in metrics, not logged one by one.
 * @module
 */
import { writeError } from "./stderr.ts";

type Fields = Readonly<Record<string, string | number | boolean | null>>;
type Level = "info" | "warn" | "error";

/** A kind of event that floods during an outage is written at most once per this many milliseconds. */
const REPEAT_MS = 1_000;

interface Repeats {
  lastMs: number;
  suppressed: number;
}

export class Log {
  readonly #repeats = new Map<string, Repeats>();

  constructor(
    private readonly node: string,
    private readonly write: (line: string) => void = writeError,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  info(event: string, fields: Fields = {}): void {
    this.#line("info", event, fields);
  }

  warn(event: string, fields: Fields = {}): void {
    this.#line("warn", event, fields);
  }

  error(event: string, fields: Fields = {}): void {
    this.#line("error", event, fields);
  }

  /** For events that can come with every request: the first of each second, with the number left out before it. */
  repeating(level: Level, event: string, fields: Fields = {}): void {
    const now = this.nowMs();
    const seen = this.#repeats.get(event);
    if (seen && now - seen.lastMs < REPEAT_MS) {
      seen.suppressed++;
      return;
    }
    this.#repeats.set(event, { lastMs: now, suppressed: 0 });
    this.#line(level, event, seen?.suppressed ? { ...fields, suppressed: seen.suppressed } : fields);
  }

  #line(level: Level, event: string, fields: Fields): void {
    const time = new Date().toISOString();
    this.write(`${JSON.stringify({ time, level, node: this.node, event, ...fields })}\n`);
  }
}

/** The text of anything thrown, on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
