/**
 * Admission under an adaptive limit: what is too much is refused at once, the less important first.
 * @module
 */
import { GradientLimit, type GradientOptions } from "./gradient.ts";

export const PRIORITIES = ["read", "write"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Share of the limit up to which each is admitted: the last part of it is for reads alone. */
const SHARE: Readonly<Record<Priority, number>> = { read: 1, write: 0.7 };

/** Latency is averaged over this long and at least this many requests before the limit moves. */
const WINDOW_MS = 250;
const WINDOW_SAMPLES = 10;

/** What became of an admitted request; exactly one is to be called, once. */
export interface Listener {
  /** Answered: its latency tells of the load here. */
  onSuccess(): void;
  /** Given up for lack of time or room. */
  onDropped(): void;
  /** Its latency tells nothing of the load here. */
  onIgnore(): void;
}

/** A service that refuses work for now. Answered 503 with Retry-After. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
}

export class Limiter {
  readonly #gradient: GradientLimit;
  #inFlight = 0;
  #windowEndsMs: number;
  #samples = 0;
  #sumMs = 0;
  #peak = 0;
  #dropped = false;

  constructor(
    readonly name: string,
    options: GradientOptions,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#gradient = new GradientLimit(options);
    this.#windowEndsMs = nowMs() + WINDOW_MS;
  }

  get limit(): number {
    return this.#gradient.limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Null when there is no room for a request of this priority. */
  acquire(priority: Priority): Listener | null {
    if (this.#inFlight >= this.limit * SHARE[priority]) return null;
    this.#inFlight++;
    this.#peak = Math.max(this.#peak, this.#inFlight);
    const startedMs = this.nowMs();
    const end = (): void => {
      this.#inFlight--;
    };
    return {
      onSuccess: () => {
        end();
        this.#sample(startedMs, false);
      },
      onDropped: () => {
        end();
        this.#sample(startedMs, true);
      },
      onIgnore: end,
    };
  }

  #sample(startedMs: number, dropped: boolean): void {
    const now = this.nowMs();
    this.#samples++;
    this.#sumMs += now - startedMs;
    this.#dropped ||= dropped;
    if (now < this.#windowEndsMs || this.#samples < WINDOW_SAMPLES) return;
    this.#gradient.update(this.#sumMs / this.#samples, this.#peak, this.#dropped);
    this.#windowEndsMs = now + WINDOW_MS;
    this.#samples = 0;
    this.#sumMs = 0;
    this.#peak = this.#inFlight;
    this.#dropped = false;
  }
}
