/**
 * The ledger and the two databases, read over the lab's own addresses. Nothing is sent when the lab's network is gone:
 * its addresses would leave this host.
 * @module
 */
import postgres, { type Sql } from "postgres";
import { reasonOf } from "../../cli/errors.ts";
import { type Lab, shopOf } from "../../lab/lab.ts";
import type { ChargeFact, OrderFact } from "../../model/integrity.ts";

/** A source that does not answer is tried for this long; with no time left for less. */
const PATIENCE_MS = 10_000;
const LEAST_PATIENCE_MS = 2_000;
const RETRY_MS = 200;
/** The most that payments gives at once. */
const PAGE = 10_000;
/** Ids in one statement. */
const CHUNK = 5_000;

/** A source that could not be read; the message begins with its name. */
export class Unread extends Error {
  override readonly name = "Unread";
}

/** How long it may wait, and who can stop it. */
export class Budget {
  readonly #until: number;

  constructor(
    ms: number,
    readonly stop?: AbortSignal,
  ) {
    this.#until = performance.now() + ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#until - performance.now());
  }

  /** Throws the reason of who stopped it. */
  async sleep(ms: number): Promise<void> {
    await Bun.sleep(Math.min(ms, this.leftMs));
    this.stop?.throwIfAborted();
  }
}

/** The value, or the signal's reason when that comes first. */
function unlessAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** What the sources have in common: reading again while there is time. */
abstract class Source {
  constructor(
    readonly name: string,
    protected readonly lab: Lab,
    private readonly budget: Budget,
  ) {}

  /** @throws Unread when it could not be read; the reason of who stopped it. */
  protected async attempt<T>(read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { stop, leftMs } = this.budget;
    const patience = AbortSignal.timeout(Math.min(PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, leftMs)));
    const limit = stop ? AbortSignal.any([stop, patience]) : patience;
    let why = "no answer in time";
    for (;;) {
      stop?.throwIfAborted();
      if (!this.lab.isReachable()) throw new Unread(`${this.name}: the lab's network is gone`);
      try {
        return await unlessAborted(read(limit), limit);
      } catch (error) {
        stop?.throwIfAborted();
        if (limit.aborted) throw new Unread(`${this.name}: ${why}`);
        why = reasonOf(error);
      }
      await Bun.sleep(RETRY_MS);
    }
  }
}

export class Ledger extends Source {
  constructor(lab: Lab, budget: Budget) {
    super("ledger", lab, budget);
  }

  /** Charges after a position, oldest first. */
  after(position: number): Promise<ChargeFact[]> {
    return this.attempt(async (signal) => {
      const all: ChargeFact[] = [];
      for (let after = position; ; ) {
        const path = `/ledger/charges?after=${after}&limit=${PAGE}`;
        const { charges } = (await this.#get(path, signal)) as { charges: ChargeFact[] };
        for (const charge of charges) all.push(charge);
        const last = charges.at(-1);
        if (!last || charges.length < PAGE) return all;
        after = last.rowid;
      }
    });
  }

  /** The position of the last charge, 0 when there is none. */
  async position(): Promise<number> {
    // Positions grow from 1: the last is no less than their number.
    const { charges } = (await this.attempt((signal) => this.#get("/ledger", signal))) as { charges: number };
    return (await this.after(charges)).at(-1)?.rowid ?? charges;
  }

  /** The charge of a key; null when there is none. */
  find(key: string): Promise<ChargeFact | null> {
    return this.attempt(
      async (signal) => (await this.#get(`/charges/${encodeURIComponent(key)}`, signal)) as ChargeFact | null,
    );
  }

  /** The document; null for a 404. */
  async #get(path: string, signal: AbortSignal): Promise<unknown> {
    const answer = await fetch(`${shopOf(this.lab, "integrity").ledger}${path}`, { signal });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
    return answer.json();
  }
}

const COLUMNS = `id, tenant_id, status, amount_cents,
  (extract(epoch from created_at) * 1000)::float8 as created_at_ms,
  (extract(epoch from updated_at) * 1000)::float8 as updated_at_ms`;

/** One of the two databases. */
export class Orders extends Source implements AsyncDisposable {
  #sql: Sql | null = null;

  constructor(name: "primary" | "replica", lab: Lab, budget: Budget) {
    super(name, lab, budget);
  }

  /**
   * Runs statements on one connection, again on a new one while they fail.
   * @throws Unread when there was no answer, or none but errors.
   */
  ask<T>(statements: (sql: Sql) => Promise<T>): Promise<T> {
    return this.attempt(async () => {
      const sql = this.#connect();
      try {
        return await statements(sql);
      } catch (error) {
        await this[Symbol.asyncDispose]();
        throw error;
      }
    });
  }

  /** Unix epoch milliseconds by this database's clock. */
  async now(): Promise<number> {
    const [row] = await this.ask(
      (sql) => sql<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`,
    );
    return row?.ms ?? Number.NaN;
  }

  /**
   * Orders whose row was last written by this transaction or a later one. By its number and not by `created_at`: a skewed
   * clock must hide no order.
   */
  since(transaction: number, without: readonly string[]): Promise<OrderFact[]> {
    return this.ask(async (sql) => {
      const rows = await sql<OrderFact[]>`
        select ${sql.unsafe(COLUMNS)} from orders where xmin::text::bigint >= ${transaction}`;
      const left = new Set(without);
      return left.size === 0 ? [...rows] : rows.filter(({ id }) => !left.has(id));
    });
  }

  /** The orders of these ids that are there. */
  find(ids: readonly string[]): Promise<OrderFact[]> {
    return this.ask(async (sql) => {
      const found: OrderFact[] = [];
      for (let at = 0; at < ids.length; at += CHUNK) {
        const chunk = ids.slice(at, at + CHUNK);
        const rows = await sql<OrderFact[]>`
          select ${sql.unsafe(COLUMNS)} from orders where id in ${sql(chunk)}`;
        found.push(...rows);
      }
      return found;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sql = this.#sql;
    this.#sql = null;
    await sql?.end({ timeout: 0 }).catch(() => {});
  }

  #connect(): Sql {
    const { primary, replica } = shopOf(this.lab, "integrity");
    this.#sql ??= postgres(this.name === "primary" ? primary : replica, {
      max: 1,
      connect_timeout: 2,
      fetch_types: false,
      connection: { application_name: "chaoslab-integrity" },
      onnotice: () => {},
    });
    return this.#sql;
  }
}
