/**
 * Values kept in the process for a short time, so that popular ones do not cost a round trip each.
 * @module
 */

interface Entry<T> {
  value: T;
  storedWallMs: number;
  storedMonotonicMs: number;
}

/** Entries kept; the oldest goes first. */
const MOST = 10_000;

export class LocalCache<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /**
   * @param ttlMs how long an entry may be served.
   * @param steady whether age is taken by the monotonic clock. By the wall clock, a clock set back keeps entries alive for
   *   as long as it was set back, and one set forward ends them all.
   * @param onStale called when an entry is served that is too old.
   */
  constructor(
    private readonly ttlMs: number,
    private readonly steady: () => boolean,
    private readonly onStale: () => void,
    private readonly wallMs: () => number = Date.now,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const trueAgeMs = this.monotonicMs() - entry.storedMonotonicMs;
    const ageMs = this.steady() ? trueAgeMs : this.wallMs() - entry.storedWallMs;
    if (ageMs >= this.ttlMs) {
      this.#entries.delete(key);
      return undefined;
    }
    if (trueAgeMs >= this.ttlMs) this.onStale();
    return entry.value;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < MOST) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, storedWallMs: this.wallMs(), storedMonotonicMs: this.monotonicMs() });
  }
}
