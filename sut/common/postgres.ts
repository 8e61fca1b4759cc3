/**
 * A pool of Postgres connections whose waiting line can be seen.
 * @module
 */
import { DependencyError } from "./dependency.ts";
import type { Metrics } from "./metrics.ts";
import { PgConnection, type Run } from "./pg-connection.ts";
import { NoSlotError, Pool } from "./pool.ts";

/** A statement that runs on for so long after it was given up will not end: its connection is thrown away. */
const STUCK_MS = 3_000;

export class PgPool {
  readonly #slots: Pool;
  /** Connections nobody uses; the most recently used last. */
  readonly #idle: PgConnection[] = [];

  /**
   * Connects when first used, and again by itself after a loss.
   * @param name of the dependency in metrics, e.g. `pg_primary`.
   * @param size most connections.
   * @param node shown as application_name in pg_stat_activity.
   * @param pool name of the pool in metrics, where a server has more than one.
   * @param inPlay as of {@link Metrics.pool}.
   */
  constructor(
    readonly name: string,
    private readonly url: string,
    size: number,
    private readonly node: string,
    private readonly metrics: Metrics,
    pool = name,
    inPlay?: () => boolean,
  ) {
    this.#slots = metrics.pool(new Pool(pool, size), inPlay);
  }

  /** Runs one statement on a connection of the pool. */
  query: Run = (statement, signal) => this.#use((connection) => connection.run(statement, signal), signal);

  /** Runs one transaction on a connection of the pool; whatever `work` throws rolls it back. */
  transaction<T>(work: (run: Run) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use((connection) => connection.transaction(work, signal), signal);
  }

  /** True when a statement gets through. */
  answers(signal?: AbortSignal): Promise<boolean> {
    return this.query((sql) => sql`select 1`, signal).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  #use<T>(work: (connection: PgConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.metrics.called(this.name);
    return signal ? this.#orGiveUp(work, signal) : this.#onConnection(work);
  }

  async #orGiveUp<T>(work: (connection: PgConnection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { promise: end, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(new NoSlotError(this.name, "timeout"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([this.#onConnection(work, signal), end]);
    } catch (error) {
      const own = error instanceof DependencyError && error.dependency === this.name;
      if (!signal.aborted || !(own || error instanceof NoSlotError)) throw error;
      this.metrics.timedOut(this.name);
      throw new DependencyError(this.name, "timeout", "no answer in time");
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /**
   * Whoever gives up does not wait for the end of this. The connection keeps its slot until the statement has ended, so that
   * a database that is slow does not have to make new connections on top of it.
   */
  #onConnection<T>(work: (connection: PgConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#slots.run(async () => {
      const connection = this.#take();
      const beforeMs = connection.busyMs;
      const patience = signal && afterAbort(signal, STUCK_MS, () => void connection.close());
      this.metrics.attemptBegun(this.name);
      // What the work did elsewhere while it held the connection is not the database's time.
      const busyMs = () => connection.busyMs - beforeMs;
      try {
        const result = await work(connection);
        this.metrics.attemptEnded(this.name, "ok", busyMs());
        return result;
      } catch (error) {
        const own = error instanceof DependencyError && error.dependency === this.name;
        this.metrics.attemptEnded(this.name, own ? error.outcome : "ok", busyMs());
        throw error;
      } finally {
        patience?.();
        if (!connection.lost) this.#idle.push(connection);
      }
    }, signal);
  }

  #take(): PgConnection {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (!connection.lost) return connection;
    }
    return new PgConnection(this.name, this.url, this.node);
  }
}

/** Acts when the signal is as long ago as `ms`. @returns what ends the wait. */
function afterAbort(signal: AbortSignal, ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  const begin = (): void => {
    timer = setTimeout(act, ms);
  };
  signal.addEventListener("abort", begin, { once: true });
  return () => {
    signal.removeEventListener("abort", begin);
    if (timer) clearTimeout(timer);
  };
}
