/**
 * What carries one connection's bytes.
 * @module
 */
import type { Outcome } from "../model/load.ts";

export interface Wire {
  /**
   * Hands bytes to the kernel; a string is all ASCII. Returns how many it took, after which `onDrain` says when there
   * is room for the rest; negative when the other side has closed and nothing was written.
   */
  write(payload: string | Uint8Array): number;
  /**
   * Closes without a word to the user. With a reset instead of a FIN: the server learns at once that nobody waits
   * for its answer, and no TIME_WAIT entry holds the port.
   */
  terminate(): void;
}

/** What a wire tells its user, never before the call that began it has returned, and nothing after `onClose` or `onFailed`. */
export interface WireUser {
  onOpen(wire: Wire): void;
  /** The first `size` bytes of a buffer, which is the caller's again afterwards: what is needed later is to be copied. */
  onData(bytes: Buffer, size: number): void;
  onDrain(): void;
  /** @param broken the other side did not close it in order. */
  onClose(broken: boolean): void;
  /** It never opened. */
  onFailed(outcome: Outcome): void;
  /** A handler of the user's threw. */
  onDefect(error: unknown): void;
}
