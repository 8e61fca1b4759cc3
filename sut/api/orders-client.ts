/**
 * The api's way to the orders replicas: round robin over a bounded connection pool, with whatever mitigations are on.
 * @module
 */
import { DependencyError } from "../common/dependency.ts";
import { type Answer, type Call, request } from "../common/http-client.ts";
import { Compartments } from "../resilience/compartments.ts";
import { DEADLINE_HEADER, type Deadline } from "../resilience/deadline.ts";
import { Guard } from "../resilience/guard.ts";
import type { Priority } from "../resilience/limiter.ts";
import type { Resilience } from "../resilience/resilience.ts";
import { type Replica, Replicas } from "./replicas.ts";

const ATTEMPTS = 3;
/** Of a health check that waits for nobody. */
const HEALTH_MS = 400;

export class OrdersClient {
  readonly #connections: Compartments;
  readonly #replicas: Replicas;
  readonly #guards: Readonly<Record<Priority, Guard>>;

  /**
   * @param urls of the replicas, at least one.
   * @param connections most requests in flight, over all replicas.
   */
  constructor(
    urls: readonly string[],
    connections: number,
    private readonly resilience: Resilience,
  ) {
    const { metrics, mitigations } = resilience;
    this.#connections = new Compartments("orders", connections, metrics, mitigations);
    this.#replicas = new Replicas(urls, resilience);
    metrics.gauge("chaoslab_replica_ready", "1 when requests go to the replica.", "replica", () =>
      this.#replicas.levels(),
    );
    const guard = (kind: Priority, timeoutMs: number) =>
      new Guard(resilience, {
        dependency: "orders",
        name: `orders_${kind}`,
        attempts: ATTEMPTS,
        timeoutMs,
        breaker: false,
      });
    // A checkout is given all the time there is: one given up half-way may still be paid.
    this.#guards = { read: guard("read", 500), write: guard("write", 1_000) };
  }

  /** The first answer below 500, from whichever replica gave it. @throws DependencyError after the last attempt. */
  send(kind: Priority, path: string, deadline: Deadline | null, call: Call = {}): Promise<Answer> {
    return this.#guards[kind].run(
      (signal, limitMs) =>
        this.#connections.run(
          kind,
          () =>
            this.#onReplica(path, limitMs === undefined ? call : { ...withDeadline(call, limitMs), signal }),
          signal,
        ),
      deadline,
    );
  }

  /** Whether a replica answers at all: by way of the pool that requests use, or not. @throws DependencyError */
  async alive(): Promise<void> {
    const ask = (call: Call) => this.#onReplica("/healthz", call);
    if (this.resilience.mitigations.on("health_off_pool"))
      await ask({ signal: AbortSignal.timeout(HEALTH_MS) });
    else await this.#connections.shared.run(() => ask({}));
  }

  close(): void {
    this.#replicas.close();
  }

  /** A refused connection did nothing: with `draining` it is tried at once on another replica, each at most once. */
  async #onReplica(path: string, call: Call): Promise<Answer> {
    const refused = new Set<Replica>();
    for (;;) {
      const replica = this.#replicas.next(refused);
      try {
        return await this.#ask(replica, path, call);
      } catch (error) {
        const again = error instanceof DependencyError && error.refused && !refused.has(replica);
        if (!again || !this.resilience.mitigations.on("draining")) throw error;
        // Nothing more goes to it until it says that it is ready.
        replica.ready = false;
        refused.add(replica);
        if (refused.size === this.#replicas.size) throw error;
      }
    }
  }

  /** A replica whose circuit is open is asked only when there is no better one; then the circuit is not asked. */
  #ask(replica: Replica, path: string, call: Call): Promise<Answer> {
    const send = () => request(this.resilience.metrics, "orders", `${replica.url}${path}`, call);
    const breaker = this.resilience.mitigations.on("breaker") ? replica.breaker() : null;
    return breaker && !breaker.refuses ? breaker.run(send) : send();
  }
}

function withDeadline(call: Call, limitMs: number): Call {
  return { ...call, headers: { ...call.headers, [DEADLINE_HEADER]: String(limitMs) } };
}
