/**
 * A counting semaphore: at most `size` pieces of work run at once, the rest wait in order of arrival.
 * @module
 */

/** No slot was to be had: too many wait already (`full`), or it took too long (`timeout`). */
export class NoSlotError extends Error {
  override readonly name = "NoSlotError";

  constructor(
    readonly pool: string,
    readonly reason: "full" | "timeout",
  ) {
    super(`pool ${pool}: ${reason === "full" ? "too many wait already" : "no slot in time"}`);
  }
}

/** What metrics show of anything with slots. */
export interface Slots {
  readonly name: string;
  readonly size: number;
  readonly inUse: number;
  readonly waiting: number;
}

export class Pool implements Slots {
  #inUse = 0;
  readonly #queue: (() => void)[] = [];

  /**
   * @param maxWaiting how many may wait; those beyond are refused.
   * @throws RangeError when `size` is not a whole number of at least 1.
   */
  constructor(
    readonly name: string,
    readonly size: number,
    private readonly maxWaiting = Number.POSITIVE_INFINITY,
  ) {
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`pool ${name}: size ${size} is not at least 1`);
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Runs `work` once a slot is free, and frees the slot however it ends.
   * @param signal ends the wait for a slot. Without one it has no end.
   * @throws NoSlotError
   */
  async run<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#inUse < this.size) this.#inUse++;
    else if (this.#queue.length >= this.maxWaiting) throw new NoSlotError(this.name, "full");
    else if (signal) await this.#turnOrAbort(signal);
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await work();
    } finally {
      // A slot goes straight to the next in line, so a newcomer cannot overtake.
      const next = this.#queue.shift();
      if (next) next();
      else this.#inUse--;
    }
  }

  #turnOrAbort(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn = (): void => {
      signal.removeEventListener("abort", abort);
      resolve();
    };
    const abort = (): void => {
      const place = this.#queue.indexOf(turn);
      if (place >= 0) this.#queue.splice(place, 1);
      reject(new NoSlotError(this.name, "timeout"));
    };
    if (signal.aborted) return Promise.reject(new NoSlotError(this.name, "timeout"));
    signal.addEventListener("abort", abort, { once: true });
    this.#queue.push(turn);
    return promise;
  }
}
