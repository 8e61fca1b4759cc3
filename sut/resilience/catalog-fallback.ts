/**
 * Product data without catalog: the last known copies, from Redis.
 * @module
 */
import type { Redis } from "ioredis";
import { DependencyError } from "../common/dependency.ts";
import { lastKnownKey } from "../common/purchase.ts";
import { connectRedis } from "../common/redis.ts";
import type { Node } from "../common/service.ts";

/** A fallback is asked while somebody waits already. */
const COMMAND_MS = 100;

export class CatalogFallback {
  #redis: Redis | null = null;

  /** Connects to REDIS_URL while the mitigation is on; without that variable there is nothing to fall back to. */
  constructor(private readonly node: Node) {
    const { env, name, log, resilience } = node;
    const url = env.optionalUrl("REDIS_URL", ["redis:"]);
    const { mitigations } = resilience;
    const connectOrNot = (): void => {
      const wanted = url !== null && mitigations.on("catalog_fallback");
      if (wanted) {
        this.#redis ??= connectRedis(url, name, log, COMMAND_MS);
      } else this.close();
    };
    mitigations.onChange(connectOrNot);
    connectOrNot();
  }

  /**
   * What `ask` gives; or, where catalog fails it, the last known product as JSON text.
   * @throws what `ask` threw, when there is no copy either.
   */
  async orLastKnown<T>(
    productId: string,
    ask: () => Promise<T>,
    fromCopy: (text: string) => T,
  ): Promise<{ value: T; degraded: boolean }> {
    try {
      return { value: await ask(), degraded: false };
    } catch (error) {
      const text = error instanceof DependencyError ? await this.#lastKnown(productId) : null;
      if (text === null) throw error;
      this.node.resilience.degraded("catalog-fallback");
      return { value: fromCopy(text), degraded: true };
    }
  }

  async #lastKnown(productId: string): Promise<string | null> {
    const redis = this.#redis;
    if (!redis) return null;
    this.node.metrics.called("redis");
    const copy = this.node.metrics.attempt("redis", () => redis.get(lastKnownKey(productId)));
    return copy.catch(() => null);
  }

  close(): void {
    this.#redis?.disconnect();
    this.#redis = null;
  }
}
