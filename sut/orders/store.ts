/**
 * The orders table: reads from the replica, checkouts on the primary.
 * @module
 */
import type { Sql } from "postgres";
import type { Run } from "../common/pg-connection.ts";

export type OrderStatus = "pending" | "paid" | "failed";

/** An order as clients see it. */
export interface Order {
  id: string;
  tenant_id: string;
  product_id: string;
  quantity: number;
  amount_cents: number;
  status: OrderStatus;
  created_at: Date;
  updated_at: Date;
}

export interface NewOrder {
  id: string;
  tenant_id: string;
  product_id: string;
  quantity: number;
  amount_cents: number;
  idempotency_key: string | null;
}

/** What a checkout answers. */
export type Receipt = Pick<Order, "id" | "tenant_id" | "status" | "amount_cents">;

/** Another tenant's order does not exist for this one. An order the replica has not received yet does not exist either. */
export async function findOrder(run: Run, tenant: string, id: string): Promise<Order | null> {
  const [order] = await run(
    (sql) => sql<Order[]>`
      select id, tenant_id, product_id, quantity, amount_cents, status, created_at, updated_at
      from orders where id = ${id} and tenant_id = ${tenant}`,
  );
  return order ?? null;
}

/** False when the tenant has used this idempotency key before. */
export async function insertPending(run: Run, order: NewOrder): Promise<boolean> {
  const inserted = await run(
    (sql) => sql`
      insert into orders (id, tenant_id, product_id, quantity, amount_cents, status, idempotency_key)
      values (${order.id}, ${order.tenant_id}, ${order.product_id}, ${order.quantity}, ${order.amount_cents},
        'pending', ${order.idempotency_key})
      on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing`,
  );
  return inserted.count === 1;
}

export async function findByKey(run: Run, tenant: string, key: string): Promise<Receipt | null> {
  const [receipt] = await run(
    (sql) => sql<Receipt[]>`
      select id, tenant_id, status, amount_cents from orders where tenant_id = ${tenant} and idempotency_key = ${key}`,
  );
  return receipt ?? null;
}

/** Whose lease must still have this token for a write to be made. */
export interface Fence {
  name: string;
  token: number;
}

/**
 * True in a `where` only under the lease. The row is locked until the write is committed, so that the lease cannot change
 * hands in between.
 */
function fenced(sql: Sql, fence: Fence | null) {
  if (!fence) return sql`true`;
  return sql`exists (select from leases where name = ${fence.name} and token = ${fence.token} for share)`;
}

/** Gives pending orders their final status, and tells how many there were; one that has it already keeps it. */
export async function settle(
  run: Run,
  ids: readonly string[],
  status: "paid" | "failed",
  fence: Fence | null = null,
): Promise<number> {
  const updated = await run(
    (sql) => sql`
      update orders set status = ${status}, updated_at = now()
      where id = any(string_to_array(${ids.join(",")}, ',')) and status = 'pending' and ${fenced(sql, fence)}`,
  );
  return updated.count;
}

export type PendingOrder = Pick<Order, "id" | "tenant_id" | "amount_cents">;

/**
 * Pending orders, those first that were left alone for longest.
 * @param before made before this instant, or this many milliseconds ago by the server's clock.
 */
export function findPending(run: Run, before: Date | number, limit: number): Promise<PendingOrder[]> {
  return run(
    (sql) => sql<PendingOrder[]>`
      select id, tenant_id, amount_cents from orders
      where status = 'pending' and created_at < ${
        typeof before === "number" ? sql`now() - make_interval(secs => ${before / 1_000})` : before
      }
      order by updated_at limit ${limit}`,
  );
}

export async function countPending(run: Run): Promise<number> {
  const [row] = await run(
    (sql) => sql<{ pending: number }[]>`
      select count(*)::int as pending from orders where status = 'pending'`,
  );
  return row?.pending ?? 0;
}

/** Puts pending orders behind all others. */
export async function postpone(run: Run, ids: readonly string[], fence: Fence | null): Promise<void> {
  await run(
    (sql) => sql`
      update orders set updated_at = now()
      where id = any(string_to_array(${ids.join(",")}, ',')) and status = 'pending' and ${fenced(sql, fence)}`,
  );
}
