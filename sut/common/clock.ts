/**
 * Time of day, by either of two clocks.
 * @module
 */

const OFFSET_MS = Date.now() - performance.now();

/**
 * The time of day as it was when this process started, carried on by the monotonic clock: whatever is done to the wall
 * clock later does not reach it. Unix epoch milliseconds.
 */
export function steadyNowMs(): number {
  return OFFSET_MS + performance.now();
}
