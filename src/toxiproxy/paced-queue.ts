import { Fifo } from "../load/fifo.ts";
import { LONGEST_TIMER_MS } from "./delay-line.ts";
import { type Output, PIECE_COST } from "./toxic.ts";

/** How the next piece goes out. */
export interface Piece {
  /** At least 1. */
  bytes: number;
  /** Wait before it goes; Infinity: until the rule changes. */
  beforeMs: number;
  /** Wait after it, before the next. */
  afterMs: number;
}

/** Given how many bytes are at hand, says what goes out next. */
export type PieceRule = (available: number) => Piece;

/**
 * Cuts what arrives into pieces and spaces them in time. The clock of the spacing runs ahead of timers that fire
 * late, so that the average is exact although each single piece may be a millisecond off.
 */
export class PacedQueue implements Output {
  readonly #next: Output;
  #bytes = 0;
  #rule: PieceRule;
  #chunks = new Fifo<Uint8Array>();
  /** The chunk being cut. */
  #rest: Uint8Array | null = null;
  #piece: Piece | null = null;
  #ended = false;
  /** When the previous piece's wait is over, on the clock of performance.now(). */
  #clock = 0;
  #timer: NodeJS.Timeout | null = null;
  #gone = false;

  /** @param creditMs how much of an idle time may be made up for: a timer's lateness, where a rate must hold. */
  constructor(
    next: Output,
    rule: PieceRule,
    readonly creditMs = 0,
  ) {
    this.#next = next;
    this.#rule = rule;
  }

  /** Bytes of memory. */
  get held(): number {
    return this.#bytes + this.#chunks.length * PIECE_COST;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // A pause of the sender is no credit, beyond that.
    if (this.#bytes === 0) this.#clock = Math.max(this.#clock, performance.now() - this.creditMs);
    this.#bytes += bytes.length;
    this.#chunks.push(bytes);
    this.#pump();
  }

  end(): void {
    this.#ended = true;
    this.#pump();
  }

  change(rule: PieceRule): void {
    this.#rule = rule;
    this.#piece = null;
    this.#clock = performance.now();
    this.#pump();
  }

  dispose(): void {
    this.#gone = true;
    this.#bytes = 0;
    this.#rest = null;
    this.#chunks = new Fifo();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #pump(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    while (!this.#gone) {
      this.#rest ??= this.#chunks.shift() ?? null;
      if (!this.#rest) break;
      this.#piece ??= this.#rule(this.#rest.length);
      if (this.#wait(this.#clock + this.#piece.beforeMs)) return;
      this.#clock += this.#piece.beforeMs + this.#piece.afterMs;
      const bytes = this.#rest.subarray(0, this.#piece.bytes);
      this.#rest = bytes.length < this.#rest.length ? this.#rest.subarray(bytes.length) : null;
      this.#piece = null;
      this.#bytes -= bytes.length;
      this.#next.write(bytes);
    }
    if (this.#gone || !this.#ended || this.#wait(this.#clock)) return;
    this.#gone = true;
    this.#next.end();
  }

  /** False when that time has come; else sets the timer for it. */
  #wait(until: number): boolean {
    const waitMs = until - performance.now();
    if (waitMs <= 0) return false;
    if (waitMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#pump(), Math.min(waitMs, LONGEST_TIMER_MS));
    }
    return true;
  }
}
