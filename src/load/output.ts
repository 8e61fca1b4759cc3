/**
 * Standard output as the stream of records: notices when nobody reads it any more.
 * @module
 */
import { reasonOf } from "../cli/errors.ts";

export class Output {
  #failure: unknown;
  #queued = 0;
  readonly #flushed: (() => void)[] = [];

  /** `onClosed` is called once, when a write fails: the reader has gone. */
  constructor(onClosed: (reason: string) => void) {
    process.stdout.on("error", (error) => {
      if (this.#failure !== undefined) return;
      this.#failure = error;
      onClosed(reasonOf(error));
    });
  }

  /** True once a write has failed. */
  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** Hands the line to the kernel, or queues it when the pipe is full. */
  line(text: string): void {
    if (this.closed) return;
    this.#queued++;
    process.stdout.write(`${text}\n`, () => {
      if (--this.#queued === 0) for (const resolve of this.#flushed.splice(0)) resolve();
    });
  }

  /** Waits until everything written so far has left, or cannot leave any more. */
  flush(): Promise<void> {
    if (this.#queued === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }
}
