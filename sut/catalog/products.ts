/**
 * Products: cache-aside in Redis, behind it Postgres.
 * @module
 */
import type { Redis } from "ioredis";
import type { Log } from "../common/log.ts";
import { reasonOf } from "../common/log.ts";
import type { Metrics } from "../common/metrics.ts";
import type { PgPool } from "../common/postgres.ts";

export interface Product {
  id: string;
  name: string;
  price_cents: number;
}

export class Products {
  /** @param ttlS how long Redis keeps a product, in seconds. */
  constructor(
    private readonly redis: Redis,
    private readonly replica: PgPool,
    private readonly ttlS: number,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /** The product as JSON text, null when there is none. A cache that fails is left aside. */
  async find(id: string): Promise<string | null> {
    const key = `product:${id}`;
    const cached = await this.#cache(() => this.redis.get(key));
    if (cached) return cached;
    const [product] = await this.replica.query(
      (sql) => sql<Product[]>`select id, name, price_cents from products where id = ${id}`,
    );
    if (!product) return null;
    const text = JSON.stringify(product);
    await this.#cache(() => this.redis.set(key, text, "EX", this.ttlS));
    return text;
  }

  async #cache<T>(call: () => Promise<T>): Promise<T | null> {
    try {
      return await this.metrics.attempt("redis", call);
    } catch (error) {
      this.log.repeating("warn", "cache failed", { reason: reasonOf(error) });
      return null;
    }
  }
}
