/**
 * One socket of a proxied connection: writes with the kernel's back-pressure, and tells its owner what happens.
 * @module
 */
import type { Socket, SocketHandler } from "bun";
import { codeOf, reasonOf } from "../cli/errors.ts";
import { Fifo } from "../load/fifo.ts";
import { type Output, PIECE_COST } from "./toxic.ts";

export interface EndpointOwner {
  received(endpoint: Endpoint, bytes: Uint8Array): void;
  /** The peer sends no more: a FIN, or the connection is lost. Once. */
  ended(endpoint: Endpoint): void;
  /** Room in the kernel's send buffer was used. */
  drained(endpoint: Endpoint): void;
  /** All that was written is with the kernel, and the FIN after it; or will never be. Once. */
  finished(endpoint: Endpoint): void;
  /** The socket is gone. Once, after `ended` and `finished`. */
  closed(endpoint: Endpoint): void;
}

export class Endpoint implements Output {
  closed = false;
  readonly #owner: EndpointOwner;
  #socket: Socket<Endpoint> | null = null;
  /** Bytes that the kernel had no room for yet. */
  #unsent = 0;
  readonly #queue = new Fifo<Uint8Array>();
  /** What is left of a piece that was written in part. */
  #rest: Uint8Array | null = null;
  #paused = false;
  #ended = false;
  #ending = false;
  #finished = false;

  constructor(owner: EndpointOwner) {
    this.#owner = owner;
  }

  /** Bytes of memory held by what the kernel had no room for yet. */
  get held(): number {
    return this.#unsent + this.#queue.length * PIECE_COST;
  }

  attach(socket: Socket<Endpoint>): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    if (this.closed) socket.terminate();
    else if (this.#paused) socket.pause();
  }

  write(bytes: Uint8Array): void {
    if (this.closed || this.#ending || bytes.length === 0) return;
    if (this.#unsent > 0) {
      this.#queue.push(bytes);
      this.#unsent += bytes.length;
      return;
    }
    const written = Math.max(0, this.#socket?.write(bytes) ?? 0);
    if (written === bytes.length) return;
    this.#rest = bytes.subarray(written);
    this.#unsent = this.#rest.length;
  }

  /** Sends a FIN after everything written; the peer may go on sending. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#unsent === 0) this.#finish();
  }

  pause(): void {
    if (this.#paused || this.closed) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.closed) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes both ways at once; what is unsent is lost. */
  close(): void {
    if (!this.closed) this.#socket?.end();
    this.#gone();
  }

  /** Closes with an RST (SO_LINGER 0): the peer sees ECONNRESET. */
  reset(): void {
    if (!this.closed) this.#socket?.terminate();
    this.#gone();
  }

  onData(bytes: Uint8Array): void {
    if (!this.closed && !this.#ended) this.#owner.received(this, bytes);
  }

  onEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.ended(this);
  }

  onDrain(): void {
    while (this.#rest && !this.closed) {
      const written = Math.max(0, this.#socket?.write(this.#rest) ?? 0);
      this.#unsent -= written;
      if (written < this.#rest.length) {
        this.#rest = this.#rest.subarray(written);
        break;
      }
      this.#rest = this.#queue.shift() ?? null;
    }
    if (this.closed) return;
    this.#owner.drained(this);
    if (this.#ending && this.#unsent === 0) this.#finish();
  }

  onClose(): void {
    this.#gone();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    // The socket may close right here, when the peer has sent its FIN before.
    if (!this.closed) this.#socket?.shutdown();
    this.#owner.finished(this);
  }

  #gone(): void {
    if (this.closed) return;
    this.closed = true;
    this.#unsent = 0;
    this.#rest = null;
    while (this.#queue.shift()) {}
    this.onEnd();
    this.#ending = true;
    this.#finish();
    this.#owner.closed(this);
  }
}

/** Handlers of sockets whose `data` is their Endpoint. */
export const ENDPOINT_HANDLERS = {
  data: (socket, bytes) => socket.data.onData(bytes),
  end: (socket) => socket.data.onEnd(),
  drain: (socket) => socket.data.onDrain(),
  close: (socket) => socket.data.onClose(),
  error: (socket, error) => {
    // Of a socket's own errors, the close that follows says all there is to know.
    if (codeOf(error) !== undefined) return;
    // One of our handlers threw: Bun would go on with a connection in an unknown state.
    process.stderr.write(`toxiproxy: a connection was reset by a defect: ${reasonOf(error)}\n`);
    socket.data.reset();
  },
} satisfies SocketHandler<Endpoint>;
