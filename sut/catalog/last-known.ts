/**
 * Copies of all products in Redis that outlive their catalog, for those who must do without it.
 * @module
 */
import type { Redis } from "ioredis";
import type { PgPool } from "../common/postgres.ts";
import { lastKnownKey } from "../common/purchase.ts";
import type { Product } from "./products.ts";

/** How long a copy lasts without a catalog that refreshes it, in seconds. */
const KEPT_S = 86_400;

/** Writes a copy of every product; returns how many. @throws when Postgres or Redis failed. */
export async function copyProducts(replica: PgPool, redis: Redis): Promise<number> {
  const products = await replica.query((sql) => sql<Product[]>`select id, name, price_cents from products`);
  const commands = redis.pipeline();
  for (const product of products) {
    commands.set(lastKnownKey(product.id), JSON.stringify(product), "EX", KEPT_S);
  }
  await commands.exec();
  return products.length;
}
