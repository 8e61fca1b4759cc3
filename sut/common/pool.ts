/**
 * A counting semaphore: at most `size` pieces of work run at once, the rest wait in order of arrival.
 * @module
 */

export class Pool {
  #inUse = 0;
  readonly #queue: (() => void)[] = [];

  /** @throws RangeError when `size` is not a whole number of at least 1. */
  constructor(
    readonly name: string,
    readonly size: number,
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

  /** Runs `work` once a slot is free, and frees the slot however it ends. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#inUse < this.size) this.#inUse++;
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
}
