/**
 * Product data and prices.
 * @module
 */
import { Elysia } from "elysia";
import { Redis } from "ioredis";
import { observed } from "../common/http-server.ts";
import { type Log, reasonOf } from "../common/log.ts";
import { PgPool } from "../common/postgres.ts";
import type { Node, Service } from "../common/service.ts";
import { Products } from "./products.ts";

/** Connections to the replica. */
const POOL_SIZE = 10;

export function catalog({ env, name, metrics, log }: Node): Service {
  const replicaUrl = env.url("PG_REPLICA_URL", ["postgres:", "postgresql:"]);
  const redisUrl = env.url("REDIS_URL", ["redis:"]);
  const ttlS = env.integer("CACHE_TTL_S", { min: 1, max: 86_400 }, 60);
  const replica = new PgPool("pg_replica", replicaUrl, POOL_SIZE, name, metrics);
  const redis = connect(redisUrl, name, log);
  const products = new Products(redis, replica, ttlS, metrics, log);

  const app = new Elysia()
    .use(observed(metrics, log))
    .get("/healthz", () => ({ status: "ok" }))
    .get("/readyz", async ({ status }) => {
      if (redis.status !== "ready") return status(503, { error: `redis: ${redis.status}` });
      if (!(await replica.answers())) return status(503, { error: "no answer from pg_replica" });
      return { status: "ready" };
    })
    .get("/products/:id", async ({ params, set, status }) => {
      const product = await products.find(params.id);
      if (product === null) return status(404, { error: "no such product" });
      set.headers["content-type"] = "application/json";
      return product;
    });

  const close = async () => {
    redis.disconnect();
    await replica.close();
  };
  return { app, close };
}

/** Connects in the background, and again by itself; commands wait in the client meanwhile. */
function connect(url: string, name: string, log: Log): Redis {
  const redis = new Redis(url, { connectionName: name });
  redis.on("ready", () => log.info("redis connected"));
  // Without a listener ioredis writes each failed attempt to the console by itself.
  redis.on("error", (error) => log.repeating("warn", "redis connection failed", { reason: reasonOf(error) }));
  return redis;
}
