/**
 * The adaptive concurrency limit Gradient2 of Netflix's concurrency-limits (Gradient2Limit.java, Apache 2.0; "Performance
 * Under Load", Netflix TechBlog, 2018), with that library's defaults but for the bounds, and for one thing: once an
 * overload is over the limit goes back to where it began. There it stays at what the overload left, as few requests at
 * once teach it nothing, and the next moment's stall is refused for an overload of long ago.
 * @module
 */

export interface GradientOptions {
  initial: number;
  min: number;
  max: number;
}

/** Latency may grow by this factor over its long-term average before the limit falls. */
const TOLERANCE = 1.5;
/** Share of a new value in the limit. */
const SMOOTHING = 0.2;
/** Requests that may queue: what the limit grows by when there is no sign of queueing. */
const QUEUE = 4;
/** Of the exponential average of latency, in windows; over the first ones it is the plain mean. */
const LONG_WINDOW = 600;
const WARM_UP = 10;
/** Of GradientLimit in the same library: what is left of the limit after a window in which something was dropped. */
const BACKOFF = 0.5;

export class GradientLimit {
  #limit: number;
  #longMs = 0;
  #windows = 0;

  constructor(private readonly options: GradientOptions) {
    this.#limit = options.initial;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /**
   * One window of requests: limit = limit * gradient + queue, where gradient = tolerance * long / short, from 0.5 to 1.
   * @param shortMs mean latency in the window.
   * @param inFlight most requests at once in the window.
   */
  update(shortMs: number, inFlight: number, dropped: boolean): void {
    this.#average(shortMs);
    // After an overload the average comes down faster than it went up.
    if (this.#longMs / shortMs > 2) this.#longMs *= 0.95;
    // Nothing is learnt about a limit that is not nearly reached; but what an overload took away comes back.
    if (inFlight < this.#limit / 2) {
      if (!dropped && this.#limit < this.options.initial)
        this.#limit = Math.min(this.options.initial, this.#limit + QUEUE);
      return;
    }
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * this.#longMs) / shortMs));
    const wanted = this.#limit * gradient + QUEUE;
    const smoothed = this.#limit * (1 - SMOOTHING) + wanted * SMOOTHING;
    // What was dropped was waited for in vain: no time to be smooth.
    const next = dropped ? this.#limit * BACKOFF : smoothed;
    this.#limit = Math.max(this.options.min, Math.min(this.options.max, next));
  }

  #average(shortMs: number): void {
    this.#windows++;
    const weight = this.#windows <= WARM_UP ? 1 / this.#windows : 2 / (LONG_WINDOW + 1);
    this.#longMs += (shortMs - this.#longMs) * weight;
  }
}
