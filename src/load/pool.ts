/**
 * Keep-alive connections to one target, opened on demand up to a limit.
 * @module
 */
import { Connection, type ConnectionOwner, type Payload } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { Place } from "./place.ts";
import { secureConnector } from "./secure.ts";
import type { Wire, WireUser } from "./wire.ts";
import type { Origin } from "./workload.ts";

/**
 * An attempt to connect that is older than this gives its place to a new one. Where packets are lost the
 * kernel repeats a SYN after 1, 3, 7, 15, 31 s..., so after a long partition the old attempts would notice
 * the recovery up to half a minute late, and the generator's own wait would be reported as the system's. It is
 * not closed: the target may still let it in first.
 */
const STALE_AFTER_MS = 1_000;

/** When as many attempts are stale as the limit, and nothing has opened since, new ones are this far apart. */
const PROBE_EVERY_MS = 100;

/**
 * After this many failed attempts in a row, each further one waits twice as long as the one before, up to the most:
 * a target that is down is not hammered, and its return is noticed within a fraction of a second.
 */
const PATIENCE = 16;
const BACKOFF_FIRST_MS = 1;
const BACKOFF_MOST_MS = 64;

export interface PoolOptions {
  origin: Origin;
  /** Most connections open or being opened. Stale attempts come on top, at most about as many again. */
  maxConnections: number;
}

export class ConnectionPool<T extends Payload> {
  readonly #options: PoolOptions;
  readonly #owner: ConnectionOwner<T>;
  readonly #connect: (user: WireUser) => Wire;
  readonly #counts = { attempt: 0, stale: 0, open: 0, gone: 0 };
  /** Last in, first out: the fewest connections stay busy, the others grow old and are closed by the server. */
  readonly #idle: Connection<T>[] = [];
  readonly #all = new Set<Connection<T>>();
  readonly #attempts = new Fifo<Connection<T>>();
  #reachable = true;
  #lastAttemptAt = Number.NEGATIVE_INFINITY;
  /** Attempts that failed since the last that succeeded. */
  #failures = 0;
  /** No attempt before this instant. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: PoolOptions, owner: ConnectionOwner<T>) {
    this.#options = options;
    this.#owner = owner;
    const { hostname, port, tls } = options.origin;
    const place = new Place(hostname, port);
    this.#connect = tls === null ? (user) => place.connect(user) : secureConnector(hostname, port, tls);
  }

  /** Whether `waiting` requests call for another attempt to connect. */
  isShort(waiting: number): boolean {
    return waiting > this.#counts.attempt || (waiting > 0 && this.#unanswered);
  }

  /** True while the target leaves attempts to connect without an answer, and has answered none since. */
  get connecting(): boolean {
    return this.#counts.attempt > 0 || (this.#counts.stale > 0 && !this.#reachable);
  }

  takeIdle(): Connection<T> | undefined {
    return this.#idle.pop();
  }

  putIdle(connection: Connection<T>): void {
    this.#idle.push(connection);
  }

  /** Begins to open a connection, unless the limit is reached. */
  tryOpen(now: number): boolean {
    const { maxConnections } = this.#options;
    if (this.#counts.open + this.#counts.attempt >= maxConnections) return false;
    if (now < this.#notBefore) return false;
    if (this.#unanswered && now - this.#lastAttemptAt < PROBE_EVERY_MS) return false;
    this.#lastAttemptAt = now;
    // One at a time from here on.
    this.#backOff(now);
    const connection = new Connection<T>(this.#owner, now);
    this.#counts.attempt++;
    this.#all.add(connection);
    this.#attempts.push(connection);
    connection.attach(this.#connect(connection));
    return true;
  }

  /** An attempt failed: the target refuses, or cannot be reached. */
  attemptFailed(now: number): void {
    this.#failures++;
    this.#backOff(now);
  }

  /** True while the next attempt is put off because earlier ones failed. */
  isBackingOff(now: number): boolean {
    return now < this.#notBefore;
  }

  /** A connection has opened. False when its place was taken meanwhile: then it is closed. */
  admit(connection: Connection<T>): boolean {
    this.#reachable = true;
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
    const full = this.#counts.open + this.#counts.attempt >= this.#options.maxConnections;
    if (connection.place === "stale" && full) {
      this.remove(connection);
      connection.discard();
      return false;
    }
    this.#move(connection, "open");
    return true;
  }

  /** Forgets a connection that ended. */
  remove(connection: Connection<T>): void {
    this.#move(connection, "gone");
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Takes the place from attempts that are too old. Returns when to call again; infinity when there are none. */
  expire(now: number): number {
    const unanswered = this.#counts.stale > 0 ? now + PROBE_EVERY_MS : Number.POSITIVE_INFINITY;
    const probeAt = now < this.#notBefore ? Math.min(unanswered, this.#notBefore) : unanswered;
    for (let oldest = this.#attempts.peek(); oldest; oldest = this.#attempts.peek()) {
      if (oldest.place === "attempt") {
        const staleAt = oldest.startedAt + STALE_AFTER_MS;
        if (now < staleAt) return Math.min(staleAt, probeAt);
        this.#move(oldest, "stale");
        this.#reachable = false;
      }
      this.#attempts.shift();
    }
    return probeAt;
  }

  /** Closes everything, now or when it opens. */
  close(): void {
    for (const connection of this.#all) connection.discard();
    this.#all.clear();
    this.#idle.length = 0;
  }

  #backOff(now: number): void {
    const doublings = this.#failures - PATIENCE;
    if (doublings < 0) return;
    this.#notBefore = now + Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** doublings);
  }

  get #unanswered(): boolean {
    return !this.#reachable && this.#counts.stale >= this.#options.maxConnections;
  }

  #move(connection: Connection<T>, place: Connection<T>["place"]): void {
    this.#counts[connection.place]--;
    this.#counts[place]++;
    connection.place = place;
  }
}
