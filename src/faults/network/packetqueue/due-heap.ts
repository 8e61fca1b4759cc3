/**
 * Packets that wait, ordered by when they are due.
 * @module
 */

/** Fields of an entry, in one flat array so that a packet costs no allocation. */
const DUE = 0;
const ORDER = 1;
const ID = 2;
const ARRIVED = 3;
const STRIDE = 4;

/** Binary min-heap. Of packets due at the same instant the one that came first goes first. Times in milliseconds. */
export class DueHeap {
  #slots: Float64Array;
  #size = 0;
  #pushed = 0;

  constructor(capacity = 1024) {
    this.#slots = new Float64Array(capacity * STRIDE);
  }

  get size(): number {
    return this.#size;
  }
  /** When the first packet is due; Infinity when none waits. */
  get nextDue(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#at(0, DUE);
  }
  /** Packet id of the first; meaningless when empty. */
  get nextId(): number {
    return this.#at(0, ID);
  }
  get nextArrived(): number {
    return this.#at(0, ARRIVED);
  }

  push(due: number, id: number, arrived: number): void {
    if ((this.#size + 1) * STRIDE > this.#slots.length) {
      const wider = new Float64Array(this.#slots.length * 2);
      wider.set(this.#slots);
      this.#slots = wider;
    }
    let at = this.#size++;
    const order = this.#pushed++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent, DUE) <= due) break;
      this.#copy(parent, at);
      at = parent;
    }
    const base = at * STRIDE;
    this.#slots[base + DUE] = due;
    this.#slots[base + ORDER] = order;
    this.#slots[base + ID] = id;
    this.#slots[base + ARRIVED] = arrived;
  }

  /** Removes the first packet. */
  pop(): void {
    if (this.#size === 0) return;
    const last = --this.#size;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, child)) child++;
      if (!this.#before(child, last)) break;
      this.#copy(child, at);
      at = child;
    }
    this.#copy(last, at);
  }

  #at(slot: number, field: number): number {
    return this.#slots[slot * STRIDE + field] ?? 0;
  }
  #before(a: number, b: number): boolean {
    const difference = this.#at(a, DUE) - this.#at(b, DUE);
    return difference === 0 ? this.#at(a, ORDER) < this.#at(b, ORDER) : difference < 0;
  }
  #copy(from: number, to: number): void {
    this.#slots.copyWithin(to * STRIDE, from * STRIDE, (from + 1) * STRIDE);
  }
}
