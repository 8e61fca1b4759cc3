/**
 * A Postgres connection pool whose waiting line can be seen. postgres.js queues inside itself without
 * saying so; a semaphore of the same size in front of it means that its own queue is never used.
 * @module
 */
import postgres, { type Sql, type TransactionSql } from "postgres";
import { DependencyError } from "./dependency.ts";
import { reasonOf } from "./log.ts";
import type { DependencyOutcome, Metrics } from "./metrics.ts";
import { Pool } from "./pool.ts";

/** Awaits something that is not the database. */
export type Elsewhere = <T>(call: Promise<T>) => Promise<T>;

export class PgPool {
  readonly #slots: Pool;
  readonly #sql: Sql;

  /**
   * Connects when first used, and again by itself after a loss.
   * @param name of the pool and of the dependency in metrics, e.g. `pg_primary`.
   * @param size most connections.
   * @param node shown as application_name in pg_stat_activity.
   */
  constructor(
    readonly name: string,
    url: string,
    size: number,
    node: string,
    private readonly metrics: Metrics,
  ) {
    this.#slots = metrics.pool(new Pool(name, size));
    this.#sql = postgres(url, {
      max: size,
      fetch_types: false,
      // postgres.js waits up to 20 s before it connects again; that would measure the driver, not the system.
      backoff: (failures) => Math.min(3 ** failures / 100, 1),
      connection: { application_name: node },
      onnotice: () => {},
    });
  }

  /** Runs a statement on a connection of the pool. */
  query<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#slots.run(() => this.metrics.attempt(this.name, () => this.#guard(work(this.#sql))));
  }

  /**
   * Runs one transaction on a connection of the pool; what `work` throws rolls it back. What `work` awaits
   * through `elsewhere` is not counted as the database's time.
   */
  transaction<T>(work: (tx: TransactionSql, elsewhere: Elsewhere) => Promise<T>): Promise<T> {
    return this.#slots.run(async () => {
      let elsewhereMs = 0;
      const elsewhere: Elsewhere = async (call) => {
        const fromMs = performance.now();
        try {
          return await call;
        } finally {
          elsewhereMs += performance.now() - fromMs;
        }
      };
      const startedMs = performance.now();
      const ended = (outcome: DependencyOutcome) =>
        this.metrics.attemptEnded(this.name, outcome, performance.now() - startedMs - elsewhereMs);

      this.metrics.attemptBegun(this.name);
      try {
        // postgres.js types a transaction's result as what `Promise.all` would make of it; it is T.
        const result = (await this.#guard(this.#sql.begin((tx) => work(tx, elsewhere)))) as T;
        ended("ok");
        return result;
      } catch (error) {
        const own = error instanceof DependencyError && error.dependency === this.name;
        ended(own ? error.outcome : "ok");
        throw error;
      }
    });
  }

  /** Turns the driver's errors into this dependency's; all others pass. */
  async #guard<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof postgres.PostgresError)
        throw new DependencyError(this.name, "error", reasonOf(error));
      // The driver's and the socket's errors have a code (CONNECTION_CLOSED, ECONNREFUSED); defects do not.
      const lost = error instanceof Error && !(error instanceof DependencyError) && "code" in error;
      if (lost) throw new DependencyError(this.name, "unreachable", reasonOf(error));
      throw error;
    }
  }

  /** True when a statement gets through. */
  async answers(): Promise<boolean> {
    return this.query((sql) => sql`select 1`).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }
}
