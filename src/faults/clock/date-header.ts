/**
 * What time an HTTP service says it is.
 * @module
 */

const REQUEST_TIMEOUT_MS = 1_000;
/** Servers keep the header's text for about a second: one written before the fault is not believed at once. */
const PATIENCE_MS = 2_500;
const NEAR_MS = 1_500;

/**
 * How far a service's `Date` header (RFC 9110, 6.6.1; whole seconds) is ahead of the host's clock, in milliseconds,
 * give or take a second; null when it does not answer or sends none. Asks again for a while when that is far from
 * `expectedMs`.
 */
export async function dateOffsetMs(url: string, expectedMs: number): Promise<number | null> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const offset = await ask(url);
    if (offset === null || Math.abs(offset - expectedMs) <= NEAR_MS) return offset;
    if (performance.now() > deadline) return offset;
    await Bun.sleep(100);
  }
}

async function ask(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      redirect: "manual",
    });
    await response.body?.cancel();
    const date = Date.parse(response.headers.get("date") ?? "");
    // In the middle of the second that the header names.
    return Number.isNaN(date) ? null : Math.round(date + 500 - Date.now());
  } catch {
    // Not answering is for the SLIs to tell; here it only means that there is no such evidence.
    return null;
  }
}
