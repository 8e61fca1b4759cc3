/**
 * Standard output as the stream of records: notices when nobody reads it any more.
 * @module
 */
import { reasonOf } from "../cli/errors.ts";

/** A reader that is this far behind has stopped reading: what waits for it is memory. */
const MOST_QUEUED_BYTES = 64 * 1_024 * 1_024;

export class Output {
  #failure: unknown;
  #queued = 0;
  #queuedBytes = 0;
  readonly #flushed: (() => void)[] = [];

  /** `onClosed` is called once, when a write fails or too much waits: the reader has gone, or does not read. */
  constructor(readonly onClosed: (reason: string) => void) {
    process.stdout.on("error", (error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.onClosed(reasonOf(error));
  }

  /** True once a write has failed. */
  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** Hands the line to the kernel, or queues it when the pipe is full. */
  line(text: string): void {
    if (this.closed) return;
    this.#queued++;
    this.#queuedBytes += text.length;
    if (this.#queuedBytes > MOST_QUEUED_BYTES) this.#fail(new Error("nobody reads it"));
    process.stdout.write(`${text}\n`, () => {
      this.#queuedBytes -= text.length;
      if (--this.#queued === 0) for (const resolve of this.#flushed.splice(0)) resolve();
    });
  }

  /** Waits until everything written so far has left, or cannot leave any more. */
  flush(): Promise<void> {
    if (this.#queued === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }
}
