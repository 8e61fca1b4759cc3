/**
 * Orders: reads from the replica, checkout on the primary. Every request, health checks included, takes a
 * slot of one worker pool, unless a mitigation keeps them apart.
 * @module
 */
import { Elysia, t } from "elysia";
import { observed } from "../common/http-server.ts";
import { PgPool } from "../common/postgres.ts";
import { PurchaseBody } from "../common/purchase.ts";
import type { Node, Service } from "../common/service.ts";
import { CatalogFallback } from "../resilience/catalog-fallback.ts";
import { Compartments } from "../resilience/compartments.ts";
import { DEADLINE_HEADER } from "../resilience/deadline.ts";
import { checkout } from "./checkout.ts";
import { CatalogClient, PaymentsClient } from "./dependencies.ts";
import { Health } from "./health.ts";
import { Reconciler } from "./reconciler.ts";
import { findOrder } from "./store.ts";

const POSTGRES = ["postgres:", "postgresql:"];

/** Of a request that its caller gives no less, under the mitigation `timeout`. */
const READ_BUDGET_MS = 850;
const CHECKOUT_BUDGET_MS = 850;

const Tenant = t.Object({ "x-tenant-id": t.String({ minLength: 1 }) });
const PurchaseHeaders = t.Object({
  "x-tenant-id": t.String({ minLength: 1 }),
  "idempotency-key": t.Optional(t.String({ minLength: 1, maxLength: 200 })),
});

export function orders(node: Node): Service {
  const { env, name, metrics, log, resilience } = node;
  const { mitigations } = resilience;
  const workers = new Compartments(
    "workers",
    env.integer("WORKERS", { min: 1, max: 10_000 }, 16),
    metrics,
    mitigations,
  );
  const limiter = resilience.limiter("orders");
  const poolSize = env.integer("PG_POOL_SIZE", { min: 1, max: 1_000 }, 10);
  const urls = { primary: env.url("PG_PRIMARY_URL", POSTGRES), replica: env.url("PG_REPLICA_URL", POSTGRES) };
  const primary = new PgPool("pg_primary", urls.primary, poolSize, name, metrics);
  const replica = new PgPool("pg_replica", urls.replica, poolSize, name, metrics);
  const health = new Health(node, urls, { primary, replica, workers: workers.shared });
  const catalog = new CatalogClient(env.httpUrl("CATALOG_URL"), resilience);
  const payments = new PaymentsClient(env.httpUrl("PAYMENTS_URL"), resilience);
  const fallback = new CatalogFallback(node);
  const background = new PgPool("pg_primary", urls.primary, 2, name, metrics, "pg_primary_reconciler");
  const holder = `${name}/${crypto.randomUUID()}`;
  const reconciler = new Reconciler({ primary: background, payments, mitigations, metrics, log, holder });
  reconciler.start();
  const results = metrics.counter("chaoslab_orders_total", "Checkouts by the order's final status.", [
    "status",
  ]);

  const app = new Elysia()
    .use(observed(node))
    .get("/healthz", () => health.alive())
    .get("/readyz", async ({ status }) => {
      const missing = await health.missing();
      return missing === null ? { status: "ready" } : status(503, { error: `no answer from ${missing}` });
    })
    .get(
      "/orders/:id",
      ({ params, headers, request, status }) => {
        const signal = resilience.deadline(request.headers.get(DEADLINE_HEADER), READ_BUDGET_MS)?.signal;
        const find = async () =>
          (await findOrder(
            (statement) => replica.query(statement, signal),
            headers["x-tenant-id"],
            params.id,
          )) ?? status(404, { error: "no such order" });
        return resilience.admitted(limiter, "read", () => workers.run("read", find, signal));
      },
      { headers: Tenant },
    )
    .post(
      "/orders",
      ({ body, headers, request, set, status }) => {
        const deadline = resilience.deadline(request.headers.get(DEADLINE_HEADER), CHECKOUT_BUDGET_MS);
        const purchase = {
          tenant: headers["x-tenant-id"],
          productId: body.product_id,
          quantity: body.quantity,
          idempotencyKey: headers["idempotency-key"] ?? null,
        };
        const place = async () => {
          try {
            const outcome = await checkout(
              purchase,
              { primary, catalog, payments, fallback, resilience },
              deadline,
            );
            if (!outcome) return status(422, { error: `no such product: ${body.product_id}` });
            const { id, status: became, amount_cents } = outcome.receipt;
            results.inc({ status: became });
            if (outcome.degraded.length > 0) set.headers["x-degraded"] = outcome.degraded.join(", ");
            const receipt = { id, status: became, amount_cents };
            if (became === "pending") return status(202, receipt);
            return became === "paid" ? status(201, receipt) : status(402, receipt);
          } catch (error) {
            results.inc({ status: "failed" });
            throw error;
          }
        };
        return resilience.admitted(limiter, "write", () => workers.run("write", place, deadline?.signal));
      },
      { headers: PurchaseHeaders, body: PurchaseBody },
    );

  const close = async () => {
    await reconciler.stop();
    fallback.close();
    await Promise.all([primary.close(), replica.close(), background.close(), health.close()]);
  };
  return { app, close };
}
