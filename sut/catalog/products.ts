/**
 * Products: a cache in the process, behind it one in Redis, behind that Postgres.
 * @module
 */
import type { Redis } from "ioredis";
import { DependencyError } from "../common/dependency.ts";
import type { Log } from "../common/log.ts";
import { reasonOf } from "../common/log.ts";
import type { Metrics } from "../common/metrics.ts";
import type { PgPool } from "../common/postgres.ts";
import type { Deadline } from "../resilience/deadline.ts";
import type { LocalCache } from "./local-cache.ts";

export interface Product {
  id: string;
  name: string;
  price_cents: number;
}

/** A cache that takes longer is left aside, under the mitigation `timeout`. */
const CACHE_TIMEOUT_MS = 50;

export class Products {
  /** @param ttlS how long Redis keeps a product, in seconds. */
  constructor(
    private readonly local: LocalCache<string>,
    private readonly redis: Redis,
    private readonly replica: PgPool,
    private readonly ttlS: number,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /** The product as JSON text, null when there is none. A cache that fails is left aside. */
  async find(id: string, deadline: Deadline | null): Promise<string | null> {
    const known = this.local.get(id);
    if (known !== undefined) return known;
    const text = await this.#shared(id, deadline);
    if (text !== null) this.local.set(id, text);
    return text;
  }

  async #shared(id: string, deadline: Deadline | null): Promise<string | null> {
    const key = `product:${id}`;
    const bounded = deadline !== null;
    const cached = await this.#cache(() => this.redis.get(key), bounded);
    if (cached) return cached;
    const [product] = await this.replica.query(
      (sql) => sql<Product[]>`select id, name, price_cents from products where id = ${id}`,
      deadline?.signal,
    );
    if (!product) return null;
    const text = JSON.stringify(product);
    await this.#cache(() => this.redis.set(key, text, "EX", this.ttlS), bounded);
    return text;
  }

  async #cache<T>(call: () => Promise<T>, bounded: boolean): Promise<T | null> {
    this.metrics.called("redis");
    try {
      return await this.metrics.attempt("redis", () => (bounded ? inTime(call()) : call()));
    } catch (error) {
      this.log.repeating("warn", "cache failed", { reason: reasonOf(error) });
      return null;
    }
  }
}

/** The client has no way to take a command back: its answer is not waited for. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DependencyError("redis", "timeout", "no answer in time")),
    CACHE_TIMEOUT_MS,
  );
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}
