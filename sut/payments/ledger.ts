/**
 * The provider's ledger: every charge, once per idempotency key, on disk before it is answered.
 * @module
 */
import { Database, type Statement } from "bun:sqlite";

/** A charge as asked for. Money is whole cents. */
export interface ChargeRequest {
  order_id: string;
  tenant_id: string;
  amount_cents: number;
}

/** A charge as recorded. */
export interface Charge extends ChargeRequest {
  /** Position in the ledger: grows with every charge. */
  rowid: number;
  /** Idempotency key. */
  key: string;
  /** Unix epoch milliseconds. */
  created_at_ms: number;
}

export interface Totals {
  charges: number;
  amount_cents: number;
}

const COLUMNS = "rowid, key, order_id, tenant_id, amount_cents, created_at_ms";

export class Ledger {
  readonly #db: Database;
  readonly #insert: Statement<Charge, [string, string, string, number, number]>;
  readonly #byKey: Statement<Charge, [string]>;
  readonly #after: Statement<Charge, [number, number]>;
  readonly #totals: Statement<Totals, []>;

  /** Opens or creates the file. @throws SQLiteError when it cannot be. */
  constructor(path: string) {
    this.#db = new Database(path, { create: true, strict: true });
    this.#db.run("pragma busy_timeout = 5000");
    this.#db.run("pragma journal_mode = wal");
    // FULL: in WAL mode only this syncs the log at every commit (sqlite.org/pragma.html#pragma_synchronous).
    this.#db.run("pragma synchronous = full");
    this.#db.run(`create table if not exists charges (
      rowid integer primary key autoincrement,
      key text not null unique,
      order_id text not null,
      tenant_id text not null,
      amount_cents integer not null check (amount_cents > 0),
      created_at_ms integer not null
    ) strict`);
    this.#insert = this.#db.query(`insert into charges (key, order_id, tenant_id, amount_cents, created_at_ms)
      values (?, ?, ?, ?, ?) on conflict (key) do nothing returning ${COLUMNS}`);
    this.#byKey = this.#db.query(`select ${COLUMNS} from charges where key = ?`);
    this.#after = this.#db.query(`select ${COLUMNS} from charges where rowid > ? order by rowid limit ?`);
    this.#totals = this.#db.query(
      "select count(*) as charges, coalesce(sum(amount_cents), 0) as amount_cents from charges",
    );
  }

  /** Records a charge, or gives back the one its key made before (`first` is false then). */
  charge(
    key: string,
    { order_id, tenant_id, amount_cents }: ChargeRequest,
  ): { charge: Charge; first: boolean } {
    const inserted = this.#insert.get(key, order_id, tenant_id, amount_cents, Date.now());
    const charge = inserted ?? this.#byKey.get(key);
    if (!charge) throw new Error(`charge ${key} was neither recorded nor found`);
    return { charge, first: inserted !== null };
  }

  find(key: string): Charge | null {
    return this.#byKey.get(key);
  }

  /** Charges after a position, oldest first. */
  after(rowid: number, limit: number): Charge[] {
    return this.#after.all(rowid, limit);
  }

  totals(): Totals {
    return this.#totals.get() ?? { charges: 0, amount_cents: 0 };
  }

  close(): void {
    this.#db.close();
  }
}
