/**
 * The api's way to the orders replicas: round robin over a bounded connection pool, naive retries.
 * @module
 */
import { type Answer, type Call, request } from "../common/http-client.ts";
import type { Metrics } from "../common/metrics.ts";
import { Pool } from "../common/pool.ts";
import { retry } from "../common/retry.ts";

const ATTEMPTS = 3;

export class OrdersClient {
  readonly #connections: Pool;
  #turn = 0;

  /**
   * @param urls of the replicas, at least one.
   * @param connections most requests in flight, over all replicas.
   */
  constructor(
    private readonly urls: readonly string[],
    connections: number,
    private readonly metrics: Metrics,
  ) {
    this.#connections = metrics.pool(new Pool("orders", connections));
  }

  /** The first answer below 500, from whichever replica gave it; a DependencyError after the last attempt. */
  send(path: string, call: Call = {}): Promise<Answer> {
    return retry(ATTEMPTS, () => {
      const url = `${this.#nextReplica()}${path}`;
      return this.#connections.run(() => request(this.metrics, "orders", url, call));
    });
  }

  #nextReplica(): string {
    const url = this.urls[this.#turn] ?? "";
    this.#turn = (this.#turn + 1) % this.urls.length;
    return url;
  }
}
