/** Where what belongs to a run begins: in the ledger, and in the primary. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import { type Lab, shopOf } from "../../lab/lab.ts";
import { orderId } from "../../load/mix.ts";
import { Budget, Ledger, Orders, Unread } from "./sources.ts";

const PATIENCE_MS = 15_000;

/** Where a run's own orders and charges begin. */
export interface IntegrityStart {
  /** Position in the ledger: charges after it are the run's. */
  ledger: number;
  /** Transactions of the primary from this number on are the run's. */
  transaction: number;
  /** By the primary's clock. */
  t_ms: number;
  /** Orders that were pending by then: not the run's. */
  pending: string[];
}

/**
 * The position at a run's start, taken before the first request.
 * @throws ChaoslabError `labFailed` when ledger or primary cannot be read.
 */
export function beginIntegrity(lab: Lab, signal?: AbortSignal): Promise<IntegrityStart> {
  return atStart(lab, signal, async (ledger, primary) => {
    // The ledger first: every charge of an order that is made from now on comes after this position.
    const position = await ledger.position();
    return primary.ask(async (sql) => {
      const [now] = await sql<{ transaction: string; t_ms: number }[]>`
        select pg_snapshot_xmin(pg_current_snapshot())::text as transaction,
          (extract(epoch from clock_timestamp()) * 1000)::float8 as t_ms`;
      const pending = await sql<{ id: string }[]>`select id from orders where status = 'pending'`;
      return {
        ledger: position,
        transaction: Number(now?.transaction ?? 0),
        t_ms: now?.t_ms ?? Number.NaN,
        pending: pending.map(({ id }) => id),
      };
    });
  });
}

/** A start before everything but the seeded orders, which one transaction made and nobody charged. */
export function sinceBoot(lab: Lab, signal?: AbortSignal): Promise<IntegrityStart> {
  return atStart(lab, signal, (_, primary) =>
    primary.ask(async (sql) => {
      const [seeded] = await sql<{ transaction: string; t_ms: number }[]>`
        select xmin::text as transaction, (extract(epoch from created_at) * 1000)::float8 as t_ms
        from orders where id = ${orderId(Math.max(0, shopOf(lab, "integrity").seeded.orders - 1))}`;
      const transaction = seeded ? Number(seeded.transaction) + 1 : 0;
      return { ledger: 0, transaction, t_ms: seeded?.t_ms ?? 0, pending: [] };
    }),
  );
}

async function atStart(
  lab: Lab,
  signal: AbortSignal | undefined,
  read: (ledger: Ledger, primary: Orders) => Promise<IntegrityStart>,
): Promise<IntegrityStart> {
  const budget = new Budget(PATIENCE_MS, signal);
  await using primary = new Orders("primary", lab, budget);
  try {
    return await read(new Ledger(lab, budget), primary);
  } catch (error) {
    if (error instanceof Unread) throw new ChaoslabError("labFailed", `integrity: ${error.message}`);
    throw error;
  }
}
