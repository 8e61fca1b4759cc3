import { Fifo } from "../load/fifo.ts";
import { type Output, PIECE_COST } from "./toxic.ts";

/** The longest a timer can wait; beyond, the runtime would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Entry {
  /** Null: the FIN. */
  bytes: Uint8Array | null;
  arrivedAt: number;
  dueAt: number;
}

/**
 * Holds each piece for a time of its own and lets none overtake another.
 * The times are milliseconds on the clock of performance.now().
 */
export class DelayLine implements Output {
  readonly #next: Output;
  #bytes = 0;
  #delayMs: (isEnd: boolean) => number;
  #entries = new Fifo<Entry>();
  #lastDueAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #gone = false;

  /** @param delayMs asked once for each piece, and for the FIN. */
  constructor(next: Output, delayMs: (isEnd: boolean) => number) {
    this.#next = next;
    this.#delayMs = delayMs;
  }

  /** Bytes of memory. */
  get held(): number {
    return this.#bytes + this.#entries.length * PIECE_COST;
  }

  write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#push({ bytes, arrivedAt: performance.now(), dueAt: 0 });
    this.#release();
  }

  end(): void {
    this.#push({ bytes: null, arrivedAt: performance.now(), dueAt: 0 });
    this.#release();
  }

  /** A new rule, applied to what is held as if it had been there when that arrived. */
  change(delayMs: (isEnd: boolean) => number): void {
    this.#delayMs = delayMs;
    const entries = this.#entries;
    this.#entries = new Fifo();
    this.#lastDueAt = 0;
    for (let entry = entries.shift(); entry; entry = entries.shift()) this.#push(entry);
    this.#release();
  }

  dispose(): void {
    this.#gone = true;
    this.#bytes = 0;
    this.#entries = new Fifo();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #push(entry: Entry): void {
    const dueAt = entry.arrivedAt + this.#delayMs(entry.bytes === null);
    entry.dueAt = Math.max(this.#lastDueAt, dueAt);
    this.#lastDueAt = entry.dueAt;
    this.#entries.push(entry);
  }

  #release(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const now = performance.now();
    for (let entry = this.#entries.peek(); entry && !this.#gone; entry = this.#entries.peek()) {
      if (entry.dueAt > now) {
        this.#timer = setTimeout(() => this.#release(), Math.min(entry.dueAt - now, LONGEST_TIMER_MS));
        return;
      }
      this.#entries.shift();
      this.#bytes -= entry.bytes?.length ?? 0;
      if (entry.bytes) this.#next.write(entry.bytes);
      else this.#next.end();
    }
  }
}
