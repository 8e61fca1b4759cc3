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

/**
 * A request on its way, with what the client keeps of it: one object, as a hundred thousand are made a second. Instants
 * are milliseconds on the clock of performance.now(). `Self` is the class that extends this one.
 */
export class Exchange<Self extends Exchange<Self>> implements Payload {
  /** The client's own. */
  deadline = 0;
  dispatched = false;
  ended = false;
  connection: Connection<Self> | null = null;
  /** When it was written to a connection; null before. */
  sentAt: number | null = null;

  constructor(
    readonly payload: string | Uint8Array,
    readonly wantsBody: boolean,
    readonly isHead: boolean,
    /** Judges an answer that came in time. Null: by its status. */
    readonly judge: ((answer: Answer) => Outcome) | null,
    readonly intendedAt: number,
  ) {}
}

/** What the client reports, each at most once per request. */
export interface ExchangeSink<T> {
  /**
   * The request was handed on at `at`: to a connection, or to the opening of one for it. What comes after is
   * the target's doing; what came before (pacing, waiting because all connections are busy) is the generator's.
   */
  onDispatched(exchange: T, at: number): void;
  /** The request was written to a connection. */
  onSent(exchange: T): void;
  /** The request ended. */
  onEnded(exchange: T, outcome: Outcome, at: number): void;
  /** Something in this program threw where nobody could catch it: what is counted from here on is worth nothing. */
  onDefect(error: unknown): void;
}

export interface ClientOptions extends PoolOptions {
  timeoutMs: number;
  /** Requests taken and not ended, at most; one more is dropped at once. */
  maxInFlight: number;
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

export class HttpClient<T extends Exchange<T>> implements ConnectionOwner<T> {
  readonly #sink: ExchangeSink<T>;
  readonly #timeoutMs: number;
  readonly #maxInFlight: number;
  readonly #pool: ConnectionPool<T>;
  /** Requests without a connection, oldest first; ended ones are skipped when met. */
  readonly #waiting = new Fifo<T>();
  #waitingCount = 0;
  /** All requests by deadline: one timeout for all and requests in order of intended time make it a queue. */
  readonly #deadlines = new Fifo<T>();
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
    const now = performance.now();
    if (this.#pending >= this.#maxInFlight) {
      this.#sink.onEnded(exchange, "dropped", now);
      return;
    }
    exchange.deadline = exchange.intendedAt + this.#timeoutMs;
    this.#pending++;
    dropEnded(this.#deadlines);
    this.#deadlines.push(exchange);
    this.#wakeAt(exchange.deadline, now);
    this.#place(exchange, now);
  }

  /** Closes every connection. Requests still pending end without a report. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#pool.close();
  }

  opened(connection: Connection<T>): void {
    if (this.#pool.admit(connection)) this.#serve(connection);
    this.#grow();
  }

  answered(connection: Connection<T>, exchange: T, answer: Answer): void {
    const now = performance.now();
    exchange.connection = null;
    const { judge } = exchange;
    const inTime = now <= exchange.deadline;
    this.#end(exchange, !inTime ? "timeout" : judge === null ? outcomeOf(answer) : judge(answer), now);
    if (connection.closed) {
      this.#pool.remove(connection);
      this.#grow();
    } else this.#serve(connection);
  }

  ended(connection: Connection<T>, lost: T | null, outcome: Outcome): void {
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
  #attemptFailed(connection: Connection<T>, outcome: Outcome): void {
    const now = performance.now();
    this.#pool.attemptFailed(now);
    let exchange = this.#nextWaiting();
    if (exchange) this.#end(exchange, outcome, now);
    if (!this.#pool.isBackingOff(now)) return;
    dropEnded(this.#waiting);
    while ((this.#waiting.peek()?.intendedAt ?? Number.POSITIVE_INFINITY) <= connection.startedAt) {
      exchange = this.#nextWaiting();
      if (exchange) this.#end(exchange, outcome, now);
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
  #serve(connection: Connection<T>): void {
    const next = this.#nextWaiting();
    if (!next) {
      this.#pool.putIdle(connection);
      return;
    }
    const now = performance.now();
    if (!this.#start(connection, next, now)) this.#place(next, now);
  }

  /** Gives a request an idle connection, or queues it and opens one. */
  #place(exchange: T, now: number): void {
    for (let idle = this.#pool.takeIdle(); idle; idle = this.#pool.takeIdle()) {
      if (this.#start(idle, exchange, now)) return;
    }
    this.#waiting.push(exchange);
    this.#waitingCount++;
    // An attempt of its own, as earlier ones may hang; whichever connection is free first serves it.
    this.#pool.tryOpen(now);
    this.#grow();
    if (this.#cannotConnect(now)) this.#dispatched(exchange, now);
  }

  /** Writes the request. False when the connection had been closed while idle, and the request needs another. */
  #start(connection: Connection<T>, exchange: T, now: number): boolean {
    this.#dispatched(exchange, now);
    if (connection.send(exchange)) {
      exchange.connection = connection;
      exchange.sentAt = now;
      this.#sink.onSent(exchange);
      return true;
    }
    const idled = connection.served > 0;
    this.#pool.remove(connection);
    connection.discard();
    if (idled) return false;
    // Accepted and closed at once: another try would meet the same, and hammer the target.
    this.#end(exchange, "reset", now);
    return true;
  }

  #nextWaiting(): T | undefined {
    for (let exchange = this.#waiting.shift(); exchange; exchange = this.#waiting.shift()) {
      if (exchange.ended) continue;
      this.#waitingCount--;
      return exchange;
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

  #dispatched(exchange: T, now: number): void {
    if (exchange.dispatched) return;
    exchange.dispatched = true;
    this.#sink.onDispatched(exchange, now);
  }

  #end(exchange: T, outcome: Outcome, now: number): void {
    // One that never was handed on was late until now, whoever it is that failed it.
    if (outcome !== "dropped") this.#dispatched(exchange, now);
    exchange.ended = true;
    this.#pending--;
    this.#sink.onEnded(exchange, outcome, now);
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
    for (let exchange = this.#deadlines.peek(); exchange; exchange = this.#deadlines.peek()) {
      if (!exchange.ended) {
        if (now < exchange.deadline) {
          this.#wakeAt(exchange.deadline, now);
          break;
        }
        this.#timeOut(exchange, now);
      }
      this.#deadlines.shift();
    }
    dropEnded(this.#waiting);
    this.#pool.expire(now);
    this.#grow();
  }

  #timeOut(exchange: T, now: number): void {
    const { connection } = exchange;
    if (connection !== null) {
      exchange.connection = null;
      this.#pool.remove(connection);
      connection.discard();
      this.#end(exchange, "timeout", now);
    } else {
      this.#waitingCount--;
      // Never sent: because the target does not let us connect, or because all connections were busy?
      this.#end(exchange, this.#cannotConnect(now) ? "timeout" : "dropped", now);
    }
  }
}
