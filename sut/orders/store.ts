/**
 * The orders table: reads from the replica, one transaction per checkout on the primary.
 * @module
 */
import type { Run } from "../common/pg-connection.ts";

export type OrderStatus = "pending" | "paid" | "failed";

/** An order as clients see it. */
export interface Order {
  id: string;
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
export type Receipt = Pick<Order, "id" | "status" | "amount_cents">;

/** Another tenant's order does not exist for this one. An order the replica has not received yet does not exist either. */
export async function findOrder(run: Run, tenant: string, id: string): Promise<Order | null> {
  const [order] = await run(
    (sql) => sql<Order[]>`
      select id, product_id, quantity, amount_cents, status, created_at, updated_at
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
      select id, status, amount_cents from orders where tenant_id = ${tenant} and idempotency_key = ${key}`,
  );
  return receipt ?? null;
}

export async function markPaid(run: Run, id: string): Promise<void> {
  await run((sql) => sql`update orders set status = 'paid', updated_at = now() where id = ${id}`);
}
