/**
 * The front door: tokens, and forwarding to orders and catalog.
 * @module
 */
import { Elysia, t } from "elysia";
import { ConfigError } from "../common/config.ts";
import { type Answer, request } from "../common/http-client.ts";
import { observed } from "../common/http-server.ts";
import { PurchaseBody } from "../common/purchase.ts";
import type { Node, Service } from "../common/service.ts";
import { OrdersClient } from "./orders-client.ts";
import { TOKEN_LIFETIME_S, Tokens } from "./tokens.ts";

/** RFC 7518, 3.2: a key as long as the hash. */
const SECRET_BYTES = 32;

export async function api({ env, metrics, log }: Node): Promise<Service> {
  const secret = env.text("JWT_SECRET", `a secret of at least ${SECRET_BYTES} bytes`);
  if (Buffer.byteLength(secret) < SECRET_BYTES) {
    throw new ConfigError(`${env.service}: JWT_SECRET is shorter than ${SECRET_BYTES} bytes`);
  }
  const urls = env.httpUrls("ORDERS_URLS");
  const catalogUrl = env.httpUrl("CATALOG_URL");
  const orders = new OrdersClient(
    urls,
    env.integer("ORDERS_CONNECTIONS", { min: 1, max: 10_000 }, 64),
    metrics,
  );
  const tokens = await Tokens.create(secret);

  const authenticated = new Elysia({ name: "authenticated" })
    .resolve(async ({ request, status }) => {
      const tenant = await tokens.tenantOf(request.headers.get("authorization"));
      return tenant === null ? status(401, { error: "a valid bearer token is needed" }) : { tenant };
    })
    .get("/orders/:id", async ({ params, tenant, set }) =>
      relay(
        await orders.send(`/orders/${encodeURIComponent(params.id)}`, { headers: { "x-tenant-id": tenant } }),
        set,
      ),
    )
    .post(
      "/orders",
      async ({ body, tenant, request, set }) => {
        const headers: Record<string, string> = { "x-tenant-id": tenant };
        const key = request.headers.get("idempotency-key");
        if (key) headers["idempotency-key"] = key;
        return relay(await orders.send("/orders", { method: "POST", headers, json: body }), set);
      },
      { body: PurchaseBody },
    );

  const app = new Elysia()
    .use(observed(metrics, log))
    .get("/healthz", () => ({ status: "ok" }))
    .get("/readyz", async () => {
      await orders.send("/healthz");
      return { status: "ready" };
    })
    .post(
      "/token",
      async ({ body }) => ({ token: await tokens.issue(body.tenant), expires_in_s: TOKEN_LIFETIME_S }),
      {
        body: t.Object({ tenant: t.String({ pattern: "^[a-z0-9][a-z0-9-]{0,62}$" }) }),
      },
    )
    .get("/products/:id", async ({ params, set }) =>
      relay(
        await request(metrics, "catalog", `${catalogUrl}/products/${encodeURIComponent(params.id)}`),
        set,
      ),
    )
    .use(authenticated);

  return { app };
}

/** Passes an answer on as it came. */
function relay(
  { status, body }: Answer,
  set: { status?: number | string; headers: Record<string, string | number> },
): string {
  set.status = status;
  set.headers["content-type"] = "application/json";
  return body;
}
