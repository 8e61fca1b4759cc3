/**
 * The front door: tokens, and forwarding to orders and catalog.
 * @module
 */
import { Elysia, t } from "elysia";
import { steadyNowMs } from "../common/clock.ts";
import { ConfigError } from "../common/config.ts";
import { type Answer, request } from "../common/http-client.ts";
import { observed } from "../common/http-server.ts";
import { PurchaseBody } from "../common/purchase.ts";
import type { Node, Service } from "../common/service.ts";
import { CatalogFallback } from "../resilience/catalog-fallback.ts";
import { DEADLINE_HEADER, type Deadline } from "../resilience/deadline.ts";
import { Guard } from "../resilience/guard.ts";
import { OrdersClient } from "./orders-client.ts";
import { TOKEN_LIFETIME_S, Tokens } from "./tokens.ts";

/** RFC 7518, 3.2: a key as long as the hash. */
const SECRET_BYTES = 32;

/** Of a request, under the mitigation `timeout`: a checkout is answered within a second. */
const READ_BUDGET_MS = 900;
const CHECKOUT_BUDGET_MS = 900;
const PRODUCT_BUDGET_MS = 500;

/** How far a token's times may be off, with the mitigation `safe_clocks`: what .NET's validation allows by default. */
const LEEWAY_MS = 300_000;

export async function api(node: Node): Promise<Service> {
  const { env, metrics, resilience } = node;
  const { mitigations } = resilience;
  const secret = env.text("JWT_SECRET", `a secret of at least ${SECRET_BYTES} bytes`);
  if (Buffer.byteLength(secret) < SECRET_BYTES) {
    throw new ConfigError(`${env.service}: JWT_SECRET is shorter than ${SECRET_BYTES} bytes`);
  }
  const urls = env.httpUrls("ORDERS_URLS");
  const catalogUrl = env.httpUrl("CATALOG_URL");
  const orders = new OrdersClient(
    urls,
    env.integer("ORDERS_CONNECTIONS", { min: 1, max: 10_000 }, 64),
    resilience,
  );
  const catalog = new Guard(resilience, { dependency: "catalog", attempts: 1, timeoutMs: 200, slots: 32 });
  const fallback = new CatalogFallback(node);
  const limiter = resilience.limiter("api");
  const tokens = await Tokens.create(
    secret,
    () => (mitigations.on("safe_clocks") ? steadyNowMs() : Date.now()),
    () => (mitigations.on("safe_clocks") ? LEEWAY_MS : 0),
  );
  /** A caller of ours may have less time than a request is given here. */
  const deadlineOf = (request: Request, budgetMs: number): Deadline | null =>
    resilience.deadline(request.headers.get(DEADLINE_HEADER), budgetMs);

  const authenticated = new Elysia({ name: "authenticated" })
    .resolve(async ({ request, status }) => {
      const tenant = await tokens.tenantOf(request.headers.get("authorization"));
      return tenant === null ? status(401, { error: "a valid bearer token is needed" }) : { tenant };
    })
    .get("/orders/:id", ({ params, tenant, request, set }) =>
      resilience.admitted(limiter, "read", async () => {
        const path = `/orders/${encodeURIComponent(params.id)}`;
        const call = { headers: { "x-tenant-id": tenant } };
        return relay(await orders.send("read", path, deadlineOf(request, READ_BUDGET_MS), call), set);
      }),
    )
    .post(
      "/orders",
      ({ body, tenant, request, set }) =>
        resilience.admitted(limiter, "write", async () => {
          const headers: Record<string, string> = { "x-tenant-id": tenant };
          // With a key of its own, a checkout that is tried again finds the order of the first try.
          const ownKey = mitigations.on("outbox") ? crypto.randomUUID() : null;
          const key = request.headers.get("idempotency-key") ?? ownKey;
          if (key) headers["idempotency-key"] = key;
          const call = { method: "POST", headers, json: body } as const;
          return relay(
            await orders.send("write", "/orders", deadlineOf(request, CHECKOUT_BUDGET_MS), call),
            set,
          );
        }),
      { body: PurchaseBody },
    );

  const app = new Elysia()
    .use(observed(node))
    .get("/healthz", () => ({ status: "ok" }))
    .get("/readyz", async () => {
      await orders.alive();
      return { status: "ready" };
    })
    .post(
      "/token",
      async ({ body }) => ({ token: await tokens.issue(body.tenant), expires_in_s: TOKEN_LIFETIME_S }),
      {
        body: t.Object({ tenant: t.String({ pattern: "^[a-z0-9][a-z0-9-]{0,62}$" }) }),
      },
    )
    .get("/products/:id", async ({ params, request: { headers }, set }) => {
      const deadline = resilience.deadline(headers.get(DEADLINE_HEADER), PRODUCT_BUDGET_MS);
      const url = `${catalogUrl}/products/${encodeURIComponent(params.id)}`;
      const { value, degraded } = await fallback.orLastKnown<Answer>(
        params.id,
        () => catalog.run((signal) => request(metrics, "catalog", url, { signal }), deadline),
        (body) => ({ status: 200, body, degraded: null }),
      );
      return relay(degraded ? { ...value, degraded: "catalog-fallback" } : value, set);
    })
    .use(authenticated);

  const close = () => {
    orders.close();
    fallback.close();
  };
  return { app, close };
}

/** Passes an answer on as it came. */
function relay(
  { status, body, degraded }: Answer,
  set: { status?: number | string; headers: Record<string, string | number> },
): string {
  set.status = status;
  set.headers["content-type"] = "application/json";
  if (degraded !== null) set.headers["x-degraded"] = degraded;
  return body;
}
