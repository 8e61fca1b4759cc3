/**
 * Checkout: price from catalog, row in the primary, charge at payments.
 *
 * The charge is made inside the transaction, so that an order whose payment fails leaves no trace. It also
 * means that a database connection is held for as long as payments takes to answer.
 * @module
 */
import type { PgPool } from "../common/postgres.ts";
import type { CatalogClient, PaymentsClient } from "./dependencies.ts";
import { findByKey, insertPending, markPaid, type NewOrder, type Receipt } from "./store.ts";

export interface Purchase {
  tenant: string;
  productId: string;
  quantity: number;
  idempotencyKey: string | null;
}

export interface CheckoutParts {
  primary: PgPool;
  catalog: CatalogClient;
  payments: PaymentsClient;
}

/**
 * The paid order, or null when there is no such product. A key used before gives the order it made then.
 * @throws DependencyError when a dependency failed; the transaction is rolled back.
 */
export async function checkout(purchase: Purchase, parts: CheckoutParts): Promise<Receipt | null> {
  const price = await parts.catalog.priceOf(purchase.productId);
  if (price === null) return null;
  const order: NewOrder = {
    id: `o-${Bun.randomUUIDv7()}`,
    tenant_id: purchase.tenant,
    product_id: purchase.productId,
    quantity: purchase.quantity,
    amount_cents: price * purchase.quantity,
    idempotency_key: purchase.idempotencyKey,
  };
  return place(order, parts);
}

async function place(order: NewOrder, { primary, payments }: CheckoutParts): Promise<Receipt> {
  const { id: order_id, tenant_id, amount_cents } = order;
  return primary.transaction(async (run) => {
    if (!(await insertPending(run, order))) {
      const first = order.idempotency_key && (await findByKey(run, tenant_id, order.idempotency_key));
      if (!first) throw new Error(`order ${order_id} conflicts with one that does not exist`);
      return first;
    }
    await payments.charge({ order_id, tenant_id, amount_cents });
    await markPaid(run, order_id);
    return { id: order_id, status: "paid", amount_cents };
  });
}
