/**
 * An HTTP/1.1 client for open-model load: it takes every request at once, and each ends in exactly one
 * outcome no later than its timeout, counted from the instant it was meant to be sent.
 * @module
 */
import type { Outcome } from "../model/load.ts";
import type { Connection, ConnectionOwner, Payload } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { ConnectionPool, type PoolOptions } from "./pool.ts";
import type { Answer } from "./workload.ts";

/** A request on its way. Instants are milliseconds on the clock of performance.now(). */
export interface Exchange extends Payload {
  readonly intendedAt: number;
  /** Judges an answer that came in time. Null: by its status. */
  readonly judge: ((answer: Answer) => Outcome) | null;
}

/** What the client reports, each at most once per request. */
export interface ExchangeSink<T extends Exchange> {
  /**
   * The request was handed on at `at`: to a connection, or to the opening of one for it. What comes after is
   * the target's doing; what came before (pacing, waiting because all connections are busy) is the generator's.
   */
  onDispatched(exchange: T, at: number): void;
  /** The request was written to a connection. */
  onSent(exchange: T): void;
  /** The request ended; `sentAt` is when it was written, null when it never was. */
  onEnded(exchange: T, outcome: Outcome, at: number, sentAt: number | null): void;
  /** Something in this program threw where nobody could catch it: what is counted from here on is worth nothing. */
  onDefect(error: unknown): void;
}

export interface ClientOptions extends PoolOptions {
  timeoutMs: number;
  /** Requests taken and not ended, at most; one more is dropped at once. */
  maxInFlight: number;
}

class Entry<T extends Exchange> implements Payload {
  dispatched = false;
  ended = false;
  connection: Connection<Entry<T>> | null = null;
  sentAt: number | null = null;

  constructor(
    readonly exchange: T,
    readonly deadline: number,
  ) {}

  get payload(): string | Uint8Array {
    return this.exchange.payload;
  }
  get wantsBody(): boolean {
    return this.exchange.wantsBody;
  }
  get isHead(): boolean {
    return this.exchange.isHead;
  }
}

function dropEnded(queue: Fifo<{ ended: boolean }>): void {
  while (queue.peek()?.ended) queue.shift();
}

/** The outcome of an answer that nothing more is known about. */
export function outcomeOf({ status, degraded }: Answer): Outcome {
  if (status < 300) return degraded ? "degraded" : "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}

export class HttpClient<T extends Exchange> implements ConnectionOwner<Entry<T>> {
  readonly #sink: ExchangeSink<T>;
  readonly #timeoutMs: number;
  readonly #maxInFlight: number;
  readonly #pool: ConnectionPool<Entry<T>>;
  /** Requests without a connection, oldest first; ended ones are skipped when met. */
  readonly #waiting = new Fifo<Entry<T>>();
  #waitingCount = 0;
  /** All requests by deadline: one timeout for all and requests in order of intended time make it a queue. */
  readonly #deadlines = new Fifo<Entry<T>>();
  #pending = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: ClientOptions, sink: ExchangeSink<T>) {
    this.#sink = sink;
    this.#timeoutMs = options.timeoutMs;
    this.#maxInFlight = options.maxInFlight;
    this.#pool = new ConnectionPool(options, this);
  }

  /** Requests taken and not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** Opens connections before there are requests; returns when they are open, or after `withinMs`. */
  async openEarly(count: number, withinMs: number): Promise<void> {
    const started = performance.now();
    for (let i = 0; i < count; i++) this.#pool.tryOpen(started);
    while (this.#pool.connecting && performance.now() < started + withinMs) await Bun.sleep(1);
  }

  /** Takes a request; calls must be in the order of `intendedAt`. */
  send(exchange: T): void {
    const entry = new Entry(exchange, exchange.intendedAt + this.#timeoutMs);
    const now = performance.now();
    if (this.#pending >= this.#maxInFlight) {
      this.#sink.onEnded(exchange, "dropped", now, null);
      return;
    }
    this.#pending++;
    dropEnded(this.#deadlines);
    this.#deadlines.push(entry);
    this.#wakeAt(entry.deadline, now);
    this.#place(entry, now);
  }

  /** Closes every connection. Requests still pending end without a report. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#pool.close();
  }

  opened(connection: Connection<Entry<T>>): void {
    if (this.#pool.admit(connection)) this.#serve(connection);
    this.#grow();
  }

  answered(connection: Connection<Entry<T>>, entry: Entry<T>, answer: Answer): void {
    const now = performance.now();
    entry.connection = null;
    const { judge } = entry.exchange;
    const inTime = now <= entry.deadline;
    this.#end(entry, !inTime ? "timeout" : judge === null ? outcomeOf(answer) : judge(answer), now);
    if (connection.closed) {
      this.#pool.remove(connection);
      this.#grow();
    } else this.#serve(connection);
  }

  ended(connection: Connection<Entry<T>>, lost: Entry<T> | null, outcome: Outcome): void {
    const { place } = connection;
    this.#pool.remove(connection);
    if (place === "attempt") this.#attemptFailed(connection, outcome);
    else if (lost) this.#end(lost, outcome, performance.now());
    this.#grow();
  }

  /**
   * A failed attempt ends the request that waited longest, as each attempt was begun for one; not a stale one, whose
   * request is long gone. Where the pool backs off, one attempt stands for all that waited for it.
   */
  #attemptFailed(connection: Connection<Entry<T>>, outcome: Outcome): void {
    const now = performance.now();
    this.#pool.attemptFailed(now);
    let entry = this.#nextWaiting();
    if (entry) this.#end(entry, outcome, now);
    if (!this.#pool.isBackingOff(now)) return;
    dropEnded(this.#waiting);
    while ((this.#waiting.peek()?.exchange.intendedAt ?? Number.POSITIVE_INFINITY) <= connection.startedAt) {
      entry = this.#nextWaiting();
      if (entry) this.#end(entry, outcome, now);
      dropEnded(this.#waiting);
    }
  }

  /** Whether it is the target's doing that there is no connection for a request. */
  #cannotConnect(now: number): boolean {
    return this.#pool.connecting || this.#pool.isBackingOff(now);
  }

  failed(error: unknown): void {
    this.#sink.onDefect(error);
  }

  /** Gives a free connection the next waiting request, or lets it idle. */
  #serve(connection: Connection<Entry<T>>): void {
    const next = this.#nextWaiting();
    if (!next) {
      this.#pool.putIdle(connection);
      return;
    }
    const now = performance.now();
    if (!this.#start(connection, next, now)) this.#place(next, now);
  }

  /** Gives a request an idle connection, or queues it and opens one. */
  #place(entry: Entry<T>, now: number): void {
    for (let idle = this.#pool.takeIdle(); idle; idle = this.#pool.takeIdle()) {
      if (this.#start(idle, entry, now)) return;
    }
    this.#waiting.push(entry);
    this.#waitingCount++;
    // An attempt of its own, as earlier ones may hang; whichever connection is free first serves it.
    this.#pool.tryOpen(now);
    this.#grow();
    if (this.#cannotConnect(now)) this.#dispatched(entry, now);
  }

  /** Writes the request. False when the connection had been closed while idle, and the request needs another. */
  #start(connection: Connection<Entry<T>>, entry: Entry<T>, now: number): boolean {
    this.#dispatched(entry, now);
    if (connection.send(entry)) {
      entry.connection = connection;
      entry.sentAt = now;
      this.#sink.onSent(entry.exchange);
      return true;
    }
    const idled = connection.served > 0;
    this.#pool.remove(connection);
    connection.discard();
    if (idled) return false;
    // Accepted and closed at once: another try would meet the same, and hammer the target.
    this.#end(entry, "reset", now);
    return true;
  }

  #nextWaiting(): Entry<T> | undefined {
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) {
      if (entry.ended) continue;
      this.#waitingCount--;
      return entry;
    }
    return undefined;
  }

  /** Opens connections while requests wait that no attempt was begun for. */
  #grow(): void {
    if (this.#closed) return;
    const now = performance.now();
    while (this.#pool.isShort(this.#waitingCount) && this.#pool.tryOpen(now));
    if (this.#waitingCount > 0) this.#wakeAt(this.#pool.expire(now), now);
  }

  #dispatched(entry: Entry<T>, now: number): void {
    if (entry.dispatched) return;
    entry.dispatched = true;
    this.#sink.onDispatched(entry.exchange, now);
  }

  #end(entry: Entry<T>, outcome: Outcome, now: number): void {
    entry.ended = true;
    this.#pending--;
    this.#sink.onEnded(entry.exchange, outcome, now, entry.sentAt);
  }

  #wakeAt(at: number, now: number): void {
    if (at >= this.#timerAt || this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(at - now)));
  }

  #onTimer(): void {
    try {
      this.#expire();
    } catch (error) {
      this.failed(error);
    }
  }

  #expire(): void {
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (let entry = this.#deadlines.peek(); entry; entry = this.#deadlines.peek()) {
      if (!entry.ended) {
        if (now < entry.deadline) {
          this.#wakeAt(entry.deadline, now);
          break;
        }
        this.#timeOut(entry, now);
      }
      this.#deadlines.shift();
    }
    dropEnded(this.#waiting);
    this.#pool.expire(now);
    this.#grow();
  }

  #timeOut(entry: Entry<T>, now: number): void {
    const { connection } = entry;
    if (connection !== null) {
      entry.connection = null;
      this.#pool.remove(connection);
      connection.discard();
      this.#end(entry, "timeout", now);
    } else {
      this.#waitingCount--;
      // Never sent: because the target does not let us connect, or because all connections were busy?
      this.#end(entry, this.#cannotConnect(now) ? "timeout" : "dropped", now);
    }
  }
}
