/**
 * What time an HTTP service says it is.
 * @module
 */

const REQUEST_TIMEOUT_MS = 1_000;
/** Servers keep the header's text for about a second: one written before the fault is not believed at once. */
const PATIENCE_MS = 2_500;
const NEAR_MS = 1_500;

/** How far the `Date` header (RFC 9110, 6.6.1; whole seconds) of a service is ahead of the host's clock. */
export class DateHeader {
  #known: number | null = null;

  /** @param expectedMs what is to be seen there before long, in milliseconds. */
  constructor(
    readonly url: string,
    readonly expectedMs: number,
  ) {}

  /**
   * In milliseconds, give or take a second; null when the service does not answer or sends none. Asks again for a
   * while when that is far from what is expected.
   */
  async offsetMs(): Promise<number | null> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      this.#known = await ask(this.url, REQUEST_TIMEOUT_MS);
      if (this.#known === null || this.#isExpected(this.#known)) return this.#known;
      if (performance.now() > deadline) return this.#known;
      await Bun.sleep(100);
    }
  }

  /**
   * Asks once and waits at most `withinMs`. Without an answer, or when it may be older than the clock that the service
   * has had for `hadMs`, the offset is the one that was last found.
   */
  async offsetAtOnceMs(withinMs: number, hadMs: number): Promise<number | null> {
    const offset = await ask(this.url, withinMs);
    if (offset !== null && (this.#isExpected(offset) || hadMs > PATIENCE_MS)) this.#known = offset;
    return this.#known;
  }

  #isExpected(offsetMs: number): boolean {
    return Math.abs(offsetMs - this.expectedMs) <= NEAR_MS;
  }
}

async function ask(url: string, timeoutMs: number): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" });
    await response.body?.cancel();
    const date = Date.parse(response.headers.get("date") ?? "");
    // In the middle of the second that the header names.
    return Number.isNaN(date) ? null : Math.round(date + 500 - Date.now());
  } catch {
    // Not answering is for the SLIs to tell; here it only means that there is no such evidence.
    return null;
  }
}
