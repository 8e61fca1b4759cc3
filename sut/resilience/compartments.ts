/**
 * One pool for all requests, or one for reads and one for writes: the mitigation `bulkhead` decides.
 * @module
 */
import type { Metrics } from "../common/metrics.ts";
import { Pool } from "../common/pool.ts";
import type { Priority } from "./limiter.ts";
import type { Mitigations } from "./mitigations.ts";

export class Compartments {
  readonly #shared: Pool;
  readonly #apart: Readonly<Record<Priority, Pool>>;

  /**
   * @param name of the shared pool; the others are `<name>_read` and `<name>_write`.
   * @param size of the shared pool and of that for reads; writes wait for payments, so theirs is three times that.
   */
  constructor(
    name: string,
    size: number,
    metrics: Metrics,
    private readonly mitigations: Mitigations,
  ) {
    const apart = () => mitigations.on("bulkhead");
    this.#shared = metrics.pool(new Pool(name, size), () => !apart());
    this.#apart = {
      read: metrics.pool(new Pool(`${name}_read`, size, 4 * size), apart),
      write: metrics.pool(new Pool(`${name}_write`, 3 * size, size), apart),
    };
  }

  /** Work that belongs to neither, such as a health check, takes a slot of the shared pool. */
  get shared(): Pool {
    return this.#shared;
  }

  /** @throws NoSlotError */
  run<T>(kind: Priority, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return (this.mitigations.on("bulkhead") ? this.#apart[kind] : this.#shared).run(work, signal);
  }
}
