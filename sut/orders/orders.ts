/**
 * Orders: reads from the replica, checkout on the primary. Every request, health checks included, takes a
 * slot of one worker pool.
 * @module
 */
import { Elysia, t } from "elysia";
import { observed } from "../common/http-server.ts";
import { Pool } from "../common/pool.ts";
import { PgPool } from "../common/postgres.ts";
import { PurchaseBody } from "../common/purchase.ts";
import type { Node, Service } from "../common/service.ts";
import { checkout } from "./checkout.ts";
import { CatalogClient, PaymentsClient } from "./dependencies.ts";
import { findOrder } from "./store.ts";

const POSTGRES = ["postgres:", "postgresql:"];

const Tenant = t.Object({ "x-tenant-id": t.String({ minLength: 1 }) });
const PurchaseHeaders = t.Object({
  "x-tenant-id": t.String({ minLength: 1 }),
  "idempotency-key": t.Optional(t.String({ minLength: 1, maxLength: 200 })),
});
export function orders({ env, name, metrics, log }: Node): Service {
  const workers = metrics.pool(new Pool("workers", env.integer("WORKERS", { min: 1, max: 10_000 }, 16)));
  const poolSize = env.integer("PG_POOL_SIZE", { min: 1, max: 1_000 }, 10);
  const primary = new PgPool("pg_primary", env.url("PG_PRIMARY_URL", POSTGRES), poolSize, name, metrics);
  const replica = new PgPool("pg_replica", env.url("PG_REPLICA_URL", POSTGRES), poolSize, name, metrics);
  const catalog = new CatalogClient(env.httpUrl("CATALOG_URL"), metrics);
  const payments = new PaymentsClient(env.httpUrl("PAYMENTS_URL"), metrics);
  const results = metrics.counter("chaoslab_orders_total", "Checkouts by the order's final status.", [
    "status",
  ]);

  const app = new Elysia()
    .use(observed(metrics, log))
    .get("/healthz", () => workers.run(() => ({ status: "ok" })))
    .get("/readyz", ({ status }) =>
      workers.run(async () => {
        const [primaryAnswers, replicaAnswers] = await Promise.all([primary.answers(), replica.answers()]);
        if (primaryAnswers && replicaAnswers) return { status: "ready" };
        return status(503, { error: `no answer from ${primaryAnswers ? "pg_replica" : "pg_primary"}` });
      }),
    )
    .get(
      "/orders/:id",
      ({ params, headers, status }) =>
        workers.run(
          async () =>
            (await findOrder(replica.query, headers["x-tenant-id"], params.id)) ??
            status(404, { error: "no such order" }),
        ),
      { headers: Tenant },
    )
    .post(
      "/orders",
      ({ body, headers, status }) =>
        workers.run(async () => {
          const purchase = {
            tenant: headers["x-tenant-id"],
            productId: body.product_id,
            quantity: body.quantity,
            idempotencyKey: headers["idempotency-key"] ?? null,
          };
          try {
            const receipt = await checkout(purchase, { primary, catalog, payments });
            if (!receipt) return status(422, { error: `no such product: ${body.product_id}` });
            results.inc({ status: receipt.status });
            return status(201, receipt);
          } catch (error) {
            results.inc({ status: "failed" });
            throw error;
          }
        }),
      { headers: PurchaseHeaders, body: PurchaseBody },
    );

  const close = async () => {
    await Promise.all([primary.close(), replica.close()]);
  };
  return { app, close };
}
