/**
 * The health checks of orders: in the same pools as requests, as first written, or with the mitigation `health_off_pool`
 * by way of connections of their own, within a fixed time.
 * @module
 */
import type { Pool } from "../common/pool.ts";
import { PgPool } from "../common/postgres.ts";
import type { Node } from "../common/service.ts";
import { Deadline } from "../resilience/deadline.ts";
import type { Mitigations } from "../resilience/mitigations.ts";

const CHECK_MS = 400;

export class Health {
  readonly #own: { primary: PgPool; replica: PgPool };
  readonly #mitigations: Mitigations;

  /** @param shared what requests use. */
  constructor(
    { name, metrics, resilience }: Node,
    urls: { primary: string; replica: string },
    private readonly shared: { primary: PgPool; replica: PgPool; workers: Pool },
  ) {
    this.#mitigations = resilience.mitigations;
    const off = () => this.#mitigations.on("health_off_pool");
    this.#own = {
      primary: new PgPool("pg_primary", urls.primary, 1, name, metrics, "pg_primary_health", off),
      replica: new PgPool("pg_replica", urls.replica, 1, name, metrics, "pg_replica_health", off),
    };
  }

  async alive(): Promise<{ status: "ok" }> {
    return this.#mitigations.on("health_off_pool")
      ? { status: "ok" }
      : this.shared.workers.run(() => ({ status: "ok" }));
  }

  /** The database that gives no answer; null when both do. */
  missing(): Promise<string | null> {
    if (this.#mitigations.on("health_off_pool")) return missingOf(this.#own, new Deadline(CHECK_MS).signal);
    return this.shared.workers.run(() => missingOf(this.shared));
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.primary.close(), this.#own.replica.close()]);
  }
}

async function missingOf(
  { primary, replica }: { primary: PgPool; replica: PgPool },
  signal?: AbortSignal,
): Promise<string | null> {
  const [primaryAnswers, replicaAnswers] = await Promise.all([
    primary.answers(signal),
    replica.answers(signal),
  ]);
  if (primaryAnswers && replicaAnswers) return null;
  return primaryAnswers ? "pg_replica" : "pg_primary";
}
