/** Those who watch: each has a stream of events of its own, and all get the same ones. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import { EVENT_STREAM } from "./sse.ts";

/** More than this are a mistake, such as a script that never closes. */
const MOST = 32;
/** Who has so much waiting does not read any more. A snapshot is a quarter of it. */
const MOST_WAITING_BYTES = 1024 * 1024;

export class Viewers {
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  readonly #encoder = new TextEncoder();

  get any(): boolean {
    return this.#streams.size > 0;
  }

  /**
   * A new stream.
   * @param first sent to it before all else.
   * @throws {ChaoslabError} `busy` when there are too many.
   */
  open(first: string): Response {
    if (this.#streams.size >= MOST)
      throw new ChaoslabError("busy", `${MOST} pages watch already`, "close one of them");
    let own: ReadableStreamDefaultController<Uint8Array>;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          own = controller;
          this.#streams.add(own);
          own.enqueue(this.#encoder.encode(first));
        },
        cancel: () => void this.#streams.delete(own),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING_BYTES }),
    );
    return new Response(stream, { headers: { "content-type": EVENT_STREAM } });
  }

  /** To everybody. Who does not read is let go, and gets a snapshot when it comes back. */
  send(text: string): void {
    const bytes = this.#encoder.encode(text);
    for (const stream of this.#streams) {
      if ((stream.desiredSize ?? 0) > 0) stream.enqueue(bytes);
      else {
        this.#streams.delete(stream);
        stream.error(new Error("not read in time"));
      }
    }
  }
}
