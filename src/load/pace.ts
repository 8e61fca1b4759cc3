/**
 * Waiting for an instant more finely than a timer can.
 *
 * A timer of 1 ms fires after about 1.1 ms, so it is used while the instant is at least 1.3 ms away. The rest
 * passes in naps that block the thread but use no processor, with a turn of the event loop (answers, connections) after
 * each; of at most 0.1 ms while an answer may come, so that it is not noticed later than that.
 * @module
 */
const TIMER_REACH_MS = 1.3;
const NAP_MS = 0.1;
/** Longest wait in one go: how soon a stop is noticed. */
const MAX_TIMER_MS = 20;

const cell = new Int32Array(new SharedArrayBuffer(4));

/** What the last turn of the event loop showed: whether a nap would keep answers waiting. */
export interface Traffic {
  /** It brought answers, so there may be more already: at high rates all of a core goes to answers, none to naps. */
  busy: boolean;
  /** No request is on its way, so that nothing can come. */
  silent: boolean;
}

/** Waits at most `ms` milliseconds, often less: call it again until the instant has come. */
export function pause(ms: number, { busy, silent }: Traffic): Promise<void> {
  if (ms > TIMER_REACH_MS) {
    const whole = Math.max(1, Math.min(MAX_TIMER_MS, Math.floor(ms - TIMER_REACH_MS)));
    return new Promise((resolve) => setTimeout(resolve, whole));
  }
  if (ms > 0 && !busy) Atomics.wait(cell, 0, 0, silent ? ms : Math.min(ms, NAP_MS));
  return new Promise((resolve) => setImmediate(resolve));
}
