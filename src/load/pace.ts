/**
 * Waiting for an instant more finely than a timer can, while answers come in.
 *
 * A timer of 1 ms fires after about 1.1 ms, so it is used while nothing is on its way and the instant is at least 1.3 ms
 * away. Else the thread waits where answers arrive, which it notices at once, until the instant itself.
 * @module
 */
import type { Sockets } from "./sockets.ts";

const TIMER_REACH_MS = 1.3;
/** Longest wait in one go: how soon a stop is noticed. */
const MAX_TIMER_MS = 20;
/** Longest wait during which the event loop of the runtime stands still. */
const MAX_BLOCK_MS = 1;
/** How often that loop gets a turn: what else is going on in this process, such as signals and output. */
const TURN_EVERY_MS = 0.25;
/** The same while answers come by it: they are not to be noticed later than this, and are looked for again at once when some came. */
const MAX_BLOCK_SECURE_MS = 0.1;

/** What the last look showed. */
export interface Traffic {
  /** It brought answers, so there may be more already: at high rates all of a core goes to answers. */
  busy: boolean;
  /** No request is on its way, so that nothing can come. */
  silent: boolean;
}

export class Pacer {
  readonly #sockets: Sockets;
  /** Whether there are connections of the runtime's own. */
  readonly #secure: boolean;
  #turnedAt = 0;

  constructor(sockets: Sockets, secure: boolean) {
    this.#sockets = sockets;
    this.#secure = secure;
  }

  /**
   * Waits `ms` milliseconds at most, often less, and takes in what arrives: call it again until the instant has come. To
   * be awaited unless null.
   */
  pause(ms: number, now: number, { busy, silent }: Traffic): Promise<void> | null {
    if (silent && ms > TIMER_REACH_MS) {
      const whole = Math.max(1, Math.min(MAX_TIMER_MS, Math.floor(ms - TIMER_REACH_MS)));
      return new Promise((resolve) => {
        setTimeout(() => {
          this.#sockets.poll(0);
          resolve();
        }, whole);
      });
    }
    const most = this.#secure ? (busy ? 0 : MAX_BLOCK_SECURE_MS) : MAX_BLOCK_MS;
    this.#sockets.poll(Math.max(0, Math.min(ms, most)));
    if (!this.#secure && now - this.#turnedAt < TURN_EVERY_MS) return null;
    this.#turnedAt = now;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
