/**
 * One connection to Postgres, used by one piece of work at a time.
 *
 * Each has a postgres.js client of its own, because the driver's own pooling does not survive the loss of a
 * server (3.4.9): `sql.begin` writes its rollback to the closed socket, which throws where nobody can catch it
 * and leaves that pool member unable to send anything ever again. Here a connection that was lost is never
 * written to; it is thrown away, and the next piece of work opens a new one.
 * @module
 */
import postgres, { type Sql } from "postgres";
import { DependencyError } from "./dependency.ts";
import { reasonOf } from "./log.ts";

/** Runs one statement. After the signal none is begun. */
export type Run = <T>(statement: (sql: Sql) => Promise<T>, signal?: AbortSignal) => Promise<T>;

export class PgConnection {
  readonly #sql: Sql;
  #lost = false;
  #busyMs = 0;

  /**
   * Connects with the first statement.
   * @param dependency name of the server in errors, e.g. `pg_primary`.
   * @param application shown as application_name in pg_stat_activity.
   */
  constructor(
    private readonly dependency: string,
    url: string,
    application: string,
  ) {
    this.#sql = postgres(url, {
      max: 1,
      // The driver would hang up between two statements of a transaction.
      max_lifetime: null,
      fetch_types: false,
      connection: { application_name: application },
      onclose: () => {
        this.#lost = true;
      },
      onnotice: () => {},
    });
  }

  /** True once the connection cannot be used any more. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Time spent waiting for answers so far, in milliseconds. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /**
   * Runs one statement. After a loss it is refused: the driver would run it on a new connection, outside of
   * the transaction it belongs to.
   * @throws DependencyError when the server failed it or is gone.
   */
  run: Run = async (statement, signal) => {
    if (this.#lost) throw new DependencyError(this.dependency, "unreachable", "the connection was lost");
    if (signal?.aborted) throw new DependencyError(this.dependency, "timeout", "no time is left for it");
    const startedMs = performance.now();
    try {
      return await statement(this.#sql);
    } catch (error) {
      throw this.#understood(error);
    } finally {
      this.#busyMs += performance.now() - startedMs;
    }
  };

  /**
   * Runs statements in one transaction; whatever `work` throws rolls it back.
   * @param signal after it no statement of `work` is begun. What `work` has finished is committed all the same.
   */
  async transaction<T>(work: (run: Run) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const run: Run = (statement) => this.run(statement, signal);
    await run((sql) => sql`begin`);
    try {
      const result = await work(run);
      await this.run((sql) => sql`commit`);
      return result;
    } catch (error) {
      // A server that lost the connection rolls back by itself.
      if (!this.#lost) await this.run((sql) => sql`rollback`).catch(() => this.#discard());
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#lost = true;
    await this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  /** Gives the connection up without waiting for it. */
  #discard(): void {
    void this.close();
  }

  #understood(error: unknown): unknown {
    if (error instanceof postgres.PostgresError) {
      // After FATAL the server hangs up (PostgreSQL manual, table 20.2).
      if (error.severity !== "ERROR") this.#discard();
      return new DependencyError(this.dependency, "error", reasonOf(error));
    }
    // The driver's and the socket's errors have a code (CONNECTION_CLOSED, ECONNREFUSED); defects do not.
    if (error instanceof Error && "code" in error) {
      this.#discard();
      return new DependencyError(this.dependency, "unreachable", reasonOf(error));
    }
    return error;
  }
}
