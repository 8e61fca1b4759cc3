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

/**
 * How long a request may wait for room, as in that library's BlockingLimiter: a process that stood still for a moment finds
 * all requests of that moment at once, which is no overload. As long as it takes a service that starts beside this one to get
 * out of the way; well below the 900 ms that a request has.
 */
const WAIT_MS = 250;

interface Waiting {
  admit(listener: Listener): void;
}

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
  readonly #waiting: Readonly<Record<Priority, Waiting[]>> = { read: [], write: [] };

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
      this.#admitWaiting();
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

  /** As {@link acquire}, after a short wait where there is no room yet. As many may wait as are admitted. */
  async acquireSoon(priority: Priority): Promise<Listener | null> {
    const listener = this.acquire(priority);
    const line = this.#waiting[priority];
    if (listener || line.length >= this.limit) return listener;
    const { promise, resolve } = Promise.withResolvers<Listener | null>();
    const waiting = { admit: resolve };
    const timer = setTimeout(() => {
      line.splice(line.indexOf(waiting), 1);
      resolve(null);
    }, WAIT_MS);
    line.push(waiting);
    const admitted = await promise;
    clearTimeout(timer);
    return admitted;
  }

  #admitWaiting(): void {
    for (const priority of PRIORITIES) {
      const line = this.#waiting[priority];
      while (line.length > 0) {
        const listener = this.acquire(priority);
        if (!listener) break;
        line.shift()?.admit(listener);
      }
    }
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
