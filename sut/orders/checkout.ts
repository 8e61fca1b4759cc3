/**
 * Checkout: price from catalog, row in the primary, charge at payments. In one of two orders:
 *
 * - As it was first written, the charge is made inside the transaction, so that an order whose payment fails leaves no
 *   trace. It also means that a database connection is held for as long as payments takes to answer, and that whatever
 *   ends the transaction after the charge leaves money taken without an order.
 * - With the mitigation `outbox` the order is committed as pending first and charged outside of any transaction. Whatever
 *   happens in between leaves an order that the reconciler settles, so that no charge is without its order.
 * @module
 */
import { DependencyError } from "../common/dependency.ts";
import type { Run } from "../common/pg-connection.ts";
import type { PgPool } from "../common/postgres.ts";
import type { CatalogFallback } from "../resilience/catalog-fallback.ts";
import { Deadline } from "../resilience/deadline.ts";
import type { DegradedReason, Resilience } from "../resilience/resilience.ts";
import { type CatalogClient, type PaymentsClient, priceIn } from "./dependencies.ts";
import { findByKey, insertPending, type NewOrder, type OrderStatus, type Receipt, settle } from "./store.ts";

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
  fallback: CatalogFallback;
  resilience: Resilience;
}

export interface Outcome {
  receipt: Receipt;
  /** What of it is less than was asked for. */
  degraded: DegradedReason[];
}

/** Left of a request's time for the answer and the row's last change. */
const RESERVE_MS = 100;
/** The row's last change gets this long even when the request's time is over: an order paid is better written down. */
const LAST_WRITE_MS = 250;

/**
 * The order, paid unless the receipt says otherwise; null when there is no such product. A key used before gives the
 * order it made then.
 * @throws DependencyError when a dependency failed. Then nothing is known of the order: without `outbox` it left no row,
 * with it the order may be settled later. Whoever asks again should use the same key.
 */
export async function checkout(
  purchase: Purchase,
  parts: CheckoutParts,
  deadline: Deadline | null,
): Promise<Outcome | null> {
  const { value: price, degraded } = await parts.fallback.orLastKnown<number | null>(
    purchase.productId,
    () => parts.catalog.priceOf(purchase.productId, deadline),
    priceIn,
  );
  if (price === null) return null;
  const order: NewOrder = {
    id: `o-${Bun.randomUUIDv7()}`,
    tenant_id: purchase.tenant,
    product_id: purchase.productId,
    quantity: purchase.quantity,
    amount_cents: price * purchase.quantity,
    idempotency_key: purchase.idempotencyKey,
  };
  const place = parts.resilience.mitigations.on("outbox") ? placeFirst : chargeInside;
  const receipt = await place(order, parts, deadline);
  const reasons: DegradedReason[] = degraded ? ["catalog-fallback"] : [];
  if (receipt.status === "pending") {
    parts.resilience.degraded("payment-pending");
    reasons.push("payment-pending");
  }
  return { receipt, degraded: reasons };
}

async function chargeInside(
  order: NewOrder,
  parts: CheckoutParts,
  deadline: Deadline | null,
): Promise<Receipt> {
  const { id, tenant_id, amount_cents } = order;
  return parts.primary.transaction(async (run) => {
    if (!(await insertPending(run, order))) return findFirst(run, order);
    const status = await chargeOrLeave(order, parts, deadline);
    if (status === "failed") throw new DependencyError("payments", "error", "it refuses the charge");
    if (status === "paid") await settle(run, [id], "paid");
    return { id, tenant_id, status, amount_cents };
  }, deadline?.signal);
}

async function placeFirst(
  order: NewOrder,
  parts: CheckoutParts,
  deadline: Deadline | null,
): Promise<Receipt> {
  const { primary, resilience } = parts;
  const run: Run = (statement) => primary.query(statement, deadline?.signal);
  let receipt: Receipt = { ...order, status: "pending" };
  if (!(await insertPending(run, order))) {
    receipt = await findFirst(run, order);
    if (receipt.status !== "pending") return receipt;
  }
  const status = await chargeOrLeave(receipt, parts, deadline);
  if (status === "pending") return receipt;
  const lastWrite = deadline && new Deadline(Math.max(LAST_WRITE_MS, deadline.remainingMs));
  try {
    await settle((statement) => primary.query(statement, lastWrite?.signal), [receipt.id], status);
  } catch (error) {
    // It was charged, and its row still says pending: the reconciler finds the charge.
    if (error instanceof DependencyError && resilience.mitigations.on("degradation")) return receipt;
    throw error;
  }
  return { ...receipt, status };
}

/** Charges the order; under `degradation` one that gets no answer is left pending instead of failing. */
async function chargeOrLeave(
  { id, tenant_id, amount_cents }: Pick<NewOrder, "id" | "tenant_id" | "amount_cents">,
  { payments, resilience }: CheckoutParts,
  deadline: Deadline | null,
): Promise<OrderStatus> {
  const chargeBy = deadline && new Deadline(Math.max(0, deadline.remainingMs - RESERVE_MS));
  try {
    const result = await payments.charge({ order_id: id, tenant_id, amount_cents }, chargeBy);
    return result === "refused" ? "failed" : "paid";
  } catch (error) {
    const unanswered = error instanceof DependencyError && error.dependency === "payments";
    if (unanswered && resilience.mitigations.on("degradation")) return "pending";
    throw error;
  }
}

/** The order that this one's idempotency key made before. */
async function findFirst(run: Run, { id, tenant_id, idempotency_key }: NewOrder): Promise<Receipt> {
  const first = idempotency_key && (await findByKey(run, tenant_id, idempotency_key));
  if (!first) throw new Error(`order ${id} conflicts with one that does not exist`);
  return first;
}
