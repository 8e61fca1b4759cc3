/**
 * One HTTP/1.1 connection: at most one request at a time, no pipelining.
 * @module
 */
import type { Outcome } from "../model/load.ts";
import { ResponseParser } from "./http.ts";
import type { Wire, WireUser } from "./wire.ts";
import type { Answer } from "./workload.ts";

/** What a connection carries. */
export interface Payload {
  /** The request as it goes on the wire; a string only when it is all ASCII. */
  readonly payload: string | Uint8Array;
  readonly wantsBody: boolean;
  readonly isHead: boolean;
}

/** What a connection tells its owner. After `ended` it says nothing more. */
export interface ConnectionOwner<T extends Payload> {
  opened(connection: Connection<T>): void;
  /** The answer to `carried` is complete; the connection is free again, or ends right after this. */
  answered(connection: Connection<T>, carried: T, answer: Answer): void;
  /** Never opened, closed by the peer, or not speaking HTTP; `lost` is the request it carried, if any. */
  ended(connection: Connection<T>, lost: T | null, outcome: Outcome): void;
  /** A handler threw: a defect of ours. */
  failed(error: unknown): void;
}

const bytesOf = (payload: string | Uint8Array): Uint8Array =>
  typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;

/** How the pool counts a connection: attempts that take too long no longer hold a place (see ConnectionPool). */
export type Place = "attempt" | "stale" | "open" | "gone";

export class Connection<T extends Payload> implements WireUser {
  /** Kept by the pool. */
  place: Place = "attempt";
  closed = false;
  /** Answers received so far. */
  served = 0;
  readonly #owner: ConnectionOwner<T>;
  readonly #parser = new ResponseParser();
  #wire: Wire | null = null;
  #carried: T | null = null;
  /** What the kernel's send buffer had no room for. */
  #unsent: Uint8Array | null = null;

  constructor(
    owner: ConnectionOwner<T>,
    /** When the attempt began, on the clock of performance.now(). */
    readonly startedAt: number,
  ) {
    this.#owner = owner;
  }

  /** What it will speak over, before it is open: so that it can be given up. */
  attach(wire: Wire): void {
    if (this.closed) wire.terminate();
    else this.#wire = wire;
  }

  /** Writes a request. False when the socket turned out to be closed and nothing was written. */
  send(request: T): boolean {
    this.#parser.reset(request.wantsBody, request.isHead);
    const written = this.#wire?.write(request.payload) ?? -1;
    if (written < 0) return false;
    this.#carried = request;
    if (written < request.payload.length) this.#unsent = bytesOf(request.payload).subarray(written);
    return true;
  }

  /** Closes without a word to the owner. */
  discard(): void {
    this.closed = true;
    this.#carried = null;
    this.#wire?.terminate();
  }

  onOpen(wire: Wire): void {
    this.attach(wire);
    if (!this.closed) this.#owner.opened(this);
  }

  onData(bytes: Buffer, size: number): void {
    if (this.closed) return;
    // An idle connection has nothing to receive, except a farewell such as 408 Request Timeout.
    if (this.#carried === null) this.#end("reset");
    else this.#conclude(this.#parser.feed(bytes, size));
  }

  onDrain(): void {
    if (this.#unsent === null || this.#wire === null) return;
    const written = Math.max(0, this.#wire.write(this.#unsent));
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : null;
  }

  onClose(broken: boolean): void {
    if (this.closed) return;
    if (!broken && this.#carried !== null) this.#conclude(this.#parser.close());
    if (!this.closed) this.#end("reset");
  }

  onFailed(outcome: Outcome): void {
    if (!this.closed) this.#end(outcome);
  }

  onDefect(error: unknown): void {
    this.#owner.failed(error);
  }

  #conclude(result: "more" | "done" | "invalid"): void {
    if (result === "more") return;
    if (result === "invalid" || this.#carried === null) {
      this.#end("protocol");
      return;
    }
    const carried = this.#carried;
    this.#carried = null;
    this.served++;
    // An answer that came before the whole request was written leaves a request cut in half behind.
    const reusable = this.#parser.reusable && this.#unsent === null;
    if (!reusable) this.discard();
    this.#owner.answered(this, carried, this.#parser);
  }

  #end(outcome: Outcome): void {
    const lost = this.#carried;
    this.discard();
    this.#owner.ended(this, lost, outcome);
  }
}
