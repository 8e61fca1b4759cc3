/** Paints what has changed now and then, however many events come: the eye needs no more, and curves cost. @module */

export class Painter {
  #lastMs = Number.NEGATIVE_INFINITY;
  #waiting = false;

  /** @param everyMs from one time to the next at least, in milliseconds. */
  constructor(
    readonly paint: () => void,
    readonly everyMs: () => number,
  ) {}

  /** Something has changed. */
  soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const waitMs = Math.max(0, this.#lastMs + this.everyMs() - performance.now());
    setTimeout(() => {
      this.#waiting = false;
      this.#lastMs = performance.now();
      this.paint();
    }, waitMs);
  }
}
