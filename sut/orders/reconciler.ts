/**
 * Settles orders that were left pending: asks payments again under the order's own key, which charges it once however
 * often it is asked, and writes down what became of it. Runs on the one replica that holds the lease.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Counter } from "prom-client";
import { type Log, reasonOf } from "../common/log.ts";
import type { Metrics } from "../common/metrics.ts";
import type { Run } from "../common/pg-connection.ts";
import type { PgPool } from "../common/postgres.ts";
import { Deadline } from "../resilience/deadline.ts";
import type { Mitigations } from "../resilience/mitigations.ts";
import type { ChargeResult, PaymentsClient } from "./dependencies.ts";
import { Lease } from "./lease.ts";
import { countPending, type Fence, findPending, type PendingOrder, postpone, settle } from "./store.ts";

const LEASE_NAME = "reconciler";
const RENEW_MS = 1_000;
const TICK_MS = 1_000;
/** Younger ones are still in the hands of the checkout that made them. */
const GRACE_MS = 2_000;
/** Read, and written down, in one go. */
const PAGE = 250;
/** Charges at once: several hundred a second, so that an outage of minutes is settled in less than half a minute. */
const PARALLEL = 80;
/** So many more failures than successes end a page. */
const TOO_MANY_FAILURES = 10;
/** Longest that its end is waited for: without time limits, a hanging payments would hold it for ever. */
const STOP_MS = 1_000;
/** A statement of the reconciler, under the mitigation `timeout`. */
const STATEMENT_MS = 2_000;

export interface ReconcilerParts {
  primary: PgPool;
  payments: Pick<PaymentsClient, "settle">;
  mitigations: Mitigations;
  metrics: Metrics;
  log: Log;
  /** Of the lease; unique to this process. */
  holder: string;
}

export class Reconciler {
  readonly #lease: Lease;
  readonly #results: Counter<"result">;
  readonly #stopping = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();
  #pending = 0;

  constructor(private readonly parts: ReconcilerParts) {
    const { metrics, mitigations, holder } = parts;
    this.#lease = new Lease(LEASE_NAME, holder, this.#run, mitigations);
    this.#results = metrics.counter("chaoslab_orders_settled_total", "Pending orders settled, by how.", [
      "result",
    ]);
    const mine = (level: () => number) => () => [[LEASE_NAME, level()] as const];
    metrics.gauge(
      "chaoslab_lease_held",
      "1 on the replica that holds the lease.",
      "lease",
      mine(() => Number(this.#lease.held)),
    );
    metrics.gauge(
      "chaoslab_lease_token",
      "Fencing token of the lease when last held here.",
      "lease",
      mine(() => this.#lease.token),
    );
    metrics.level("chaoslab_orders_pending", "Pending orders, as the holder of the lease last saw.", () =>
      this.#lease.held ? this.#pending : 0,
    );
  }

  start(): void {
    // Apart from each other: a settlement that takes long must not cost the lease.
    this.#loops = Promise.all([
      this.#every(RENEW_MS, "lease not renewed", () => this.#lease.renew()),
      this.#every(TICK_MS, "orders not settled", () => this.tick()),
    ]);
  }

  /** Ends what it is at, and lets go of the lease, if that can be done soon. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const end = this.#loops.then(() => this.#lease.release());
    await Promise.race([end.catch(() => {}), sleep(STOP_MS)]);
  }

  /** Settles what can be settled now; nothing without the lease. @throws DependencyError when the primary fails it. */
  async tick(): Promise<void> {
    if (!this.#lease.held) return;
    this.#pending = await countPending(this.#run);
    // One goes ahead: while payments does not work, it is asked no more than that.
    for (let limit = 1; this.#lease.held && !this.#stopping.signal.aborted; limit = PAGE) {
      const orders = await findPending(this.#run, this.#settledBefore(), limit);
      if (orders.length === 0) break;
      const settled = await this.#settleAll(orders);
      // When none of them could be settled, the next ones cannot either: payments has to rest, or the lease is lost.
      if (settled === 0) break;
      this.#pending = Math.max(0, this.#pending - settled);
    }
  }

  async #settleAll(orders: readonly PendingOrder[]): Promise<number> {
    const fence: Fence | null = this.parts.mitigations.on("safe_clocks")
      ? { name: LEASE_NAME, token: this.#lease.token }
      : null;
    const results = await this.#chargeAll(orders);
    const idsOf = (...wanted: (ChargeResult | null)[]) =>
      [...results].filter(([, result]) => wanted.includes(result)).map(([id]) => id);
    const [paid, failed, left] = [idsOf("charged", "found"), idsOf("refused"), idsOf(null)];
    let settled = 0;
    if (paid.length > 0) settled += await settle(this.#run, paid, "paid", fence);
    if (failed.length > 0) settled += await settle(this.#run, failed, "failed", fence);
    // To the end of the queue, so that an order that can never be settled does not hold up the others.
    if (left.length > 0) await postpone(this.#run, left, fence);
    for (const result of results.values()) if (result) this.#results.inc({ result });
    return settled;
  }

  /** By order, what became of those that were tried; null: it is not known. */
  async #chargeAll(orders: readonly PendingOrder[]): Promise<Map<string, ChargeResult | null>> {
    const results = new Map<string, ChargeResult | null>();
    const queue = orders.values();
    let failures = 0;
    const worker = async (): Promise<void> => {
      for (const order of queue) {
        const result = await this.#charge(order);
        results.set(order.id, result);
        failures += result === null ? 1 : -1;
        if (failures >= TOO_MANY_FAILURES || this.#stopping.signal.aborted) break;
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, orders.length) }, worker));
    return results;
  }

  #charge({ id, tenant_id, amount_cents }: PendingOrder): Promise<ChargeResult | null> {
    return this.parts.payments.settle({ order_id: id, tenant_id, amount_cents }).catch((error: unknown) => {
      this.parts.log.repeating("warn", "order not settled", { id, reason: reasonOf(error) });
      return null;
    });
  }

  /** By the server's clock, or by this replica's, which may be wrong. */
  #settledBefore(): Date | number {
    return this.parts.mitigations.on("safe_clocks") ? GRACE_MS : new Date(Date.now() - GRACE_MS);
  }

  readonly #run: Run = (statement) => {
    const deadline = this.parts.mitigations.on("timeout") ? new Deadline(STATEMENT_MS) : null;
    return this.parts.primary.query(statement, deadline?.signal);
  };

  async #every(periodMs: number, trouble: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        this.parts.log.repeating("warn", trouble, { reason: reasonOf(error) });
      }
      await sleep(periodMs, undefined, { signal }).catch(() => {});
    }
  }
}
