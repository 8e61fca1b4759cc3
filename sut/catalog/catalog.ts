/**
 * Product data and prices.
 * @module
 */
import { Elysia } from "elysia";
import { observed } from "../common/http-server.ts";
import { reasonOf } from "../common/log.ts";
import { PgPool } from "../common/postgres.ts";
import { connectRedis } from "../common/redis.ts";
import type { Node, Service } from "../common/service.ts";
import { DEADLINE_HEADER, Deadline } from "../resilience/deadline.ts";
import { copyProducts } from "./last-known.ts";
import { LocalCache } from "./local-cache.ts";
import { Products } from "./products.ts";

/** Connections to the replica. */
const POOL_SIZE = 10;
/** Of a request, unless its caller has less. */
const BUDGET_MS = 300;
/** Of each part of a readiness check that waits for nobody. */
const HEALTH_MS = 500;
/** How often the copies for callers that must do without catalog are made anew. */
const COPY_EVERY_MS = 30_000;

export function catalog(node: Node): Service {
  const { env, name, metrics, log, resilience } = node;
  const { mitigations } = resilience;
  const replicaUrl = env.url("PG_REPLICA_URL", ["postgres:", "postgresql:"]);
  const redisUrl = env.url("REDIS_URL", ["redis:"]);
  const ttlS = env.integer("CACHE_TTL_S", { min: 1, max: 86_400 }, 60);
  const localTtlS = env.number("LOCAL_CACHE_TTL_S", { min: 0, max: 86_400 }, 5);
  const replica = new PgPool("pg_replica", replicaUrl, POOL_SIZE, name, metrics);
  const inBackground = () => mitigations.on("health_off_pool") || mitigations.on("catalog_fallback");
  const background = new PgPool(
    "pg_replica",
    replicaUrl,
    2,
    name,
    metrics,
    "pg_replica_background",
    inBackground,
  );
  const redis = connectRedis(redisUrl, name, log);
  const stale = metrics.counter(
    "chaoslab_cache_stale_total",
    "Entries served beyond their time to live.",
    [],
  );
  const local = new LocalCache<string>(
    localTtlS * 1_000,
    () => mitigations.on("safe_clocks"),
    () => stale.inc(),
  );
  const products = new Products(local, redis, replica, ttlS, metrics, log);

  const copy = async (): Promise<void> => {
    if (!mitigations.on("catalog_fallback")) return;
    try {
      await copyProducts(background, redis);
    } catch (error) {
      log.repeating("warn", "products not copied", { reason: reasonOf(error) });
    }
  };
  // Redis may come back empty; a switch is to be in force at once.
  redis.on("ready", copy);
  mitigations.onChange(copy);
  const copying = setInterval(copy, COPY_EVERY_MS);

  const app = new Elysia()
    .use(observed(node))
    .get("/healthz", () => ({ status: "ok" }))
    .get("/readyz", async ({ status }) => {
      if (redis.status !== "ready") return status(503, { error: `redis: ${redis.status}` });
      const answers = mitigations.on("health_off_pool")
        ? background.answers(new Deadline(HEALTH_MS).signal)
        : replica.answers();
      if (!(await answers)) return status(503, { error: "no answer from pg_replica" });
      return { status: "ready" };
    })
    .get("/products/:id", async ({ params, request, set, status }) => {
      const deadline = resilience.deadline(request.headers.get(DEADLINE_HEADER), BUDGET_MS);
      const product = await products.find(params.id, deadline);
      if (product === null) return status(404, { error: "no such product" });
      set.headers["content-type"] = "application/json";
      return product;
    });

  const close = async () => {
    clearInterval(copying);
    redis.disconnect();
    await Promise.all([replica.close(), background.close()]);
  };
  return { app, close };
}
