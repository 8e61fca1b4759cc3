/**
 * What a node has of resilience: the switch, and the metrics that show what each mitigation does.
 * @module
 */
import type { Counter } from "prom-client";
import { DependencyError } from "../common/dependency.ts";
import type { Metrics } from "../common/metrics.ts";
import { Breaker, STATE_NAMES } from "./breaker.ts";
import { Deadline } from "./deadline.ts";
import { Limiter, OverloadedError, type Priority } from "./limiter.ts";
import { MITIGATIONS, type Mitigations } from "./mitigations.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** Why an answer is less than was asked for: label of the metric, and text of the header `X-Degraded`. */
export type DegradedReason = "payment-pending" | "catalog-fallback";

export class Resilience {
  /** Set once the node was told to stop: it still serves, and says that it is not ready. */
  draining = false;
  readonly retries: Counter<"dependency">;
  readonly #transitions: Counter<"dependency" | "to">;
  readonly #breakers = new Map<string, Breaker>();
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #limiters: Limiter[] = [];
  readonly #shed: Counter<"limiter" | "priority">;
  readonly #degraded: Counter<"reason">;

  constructor(
    readonly mitigations: Mitigations,
    readonly metrics: Metrics,
  ) {
    this.retries = metrics.counter("chaoslab_retries_total", "Attempts after the first one of a call.", [
      "dependency",
    ]);
    this.#transitions = metrics.counter("chaoslab_breaker_transitions_total", "Changes of state.", [
      "dependency",
      "to",
    ]);
    this.#shed = metrics.counter("chaoslab_shed_total", "Requests refused for want of room.", [
      "limiter",
      "priority",
    ]);
    this.#degraded = metrics.counter("chaoslab_degraded_total", "Answers that were less than asked for.", [
      "reason",
    ]);
    metrics.gauge("chaoslab_mitigation_enabled", "1 while the mitigation is on.", "mitigation", () =>
      MITIGATIONS.map((name) => [name, mitigations.on(name) ? 1 : 0] as const),
    );
    metrics.gauge("chaoslab_breaker_state", "0 closed, 1 half-open, 2 open.", "dependency", () =>
      [...this.#breakers].map(([name, breaker]) => [name, breaker.level] as const),
    );
    metrics.gauge("chaoslab_retry_budget_tokens", "Retries that may be made now.", "dependency", () =>
      [...this.#budgets].map(([name, budget]) => [name, budget.tokens] as const),
    );
    metrics.gauge("chaoslab_limit", "Requests admitted at once.", "limiter", () =>
      this.#limiters.map(({ name, limit }) => [name, limit] as const),
    );
    metrics.gauge("chaoslab_limit_in_flight", "Requests admitted now.", "limiter", () =>
      this.#limiters.map(({ name, inFlight }) => [name, inFlight] as const),
    );
  }

  /** A breaker shown under a name. Switched on again, it begins anew whatever it had seen: hence a function. */
  breaker(name: string): () => Breaker {
    const anew = (): Breaker => {
      const breaker = new Breaker(countsAsFailure, (level) =>
        this.#transitions.inc({ dependency: name, to: STATE_NAMES[level] }),
      );
      this.#breakers.set(name, breaker);
      return breaker;
    };
    let breaker = anew();
    let on = this.mitigations.on("breaker");
    this.mitigations.onChange(() => {
      if (on && !this.mitigations.on("breaker")) breaker = anew();
      on = this.mitigations.on("breaker");
    });
    return () => breaker;
  }

  showBudget(name: string, budget: RetryBudget): void {
    this.#budgets.set(name, budget);
  }

  /** A limiter shown under its name; created by the service at whose door it stands. */
  limiter(name: string): Limiter {
    const limiter = new Limiter(name, { initial: 200, min: 80, max: 1_000 });
    this.#limiters.push(limiter);
    return limiter;
  }

  /**
   * Does the work if the limiter has room for it; without the mitigation, in any case. Only reads teach the limiter: a
   * write's latency is that of payments more than of this node.
   * @throws OverloadedError
   */
  admitted<T>(limiter: Limiter, priority: Priority, work: () => Promise<T>): Promise<T> {
    return this.mitigations.on("shedding") ? this.#underLimit(limiter, priority, work) : work();
  }

  async #underLimit<T>(limiter: Limiter, priority: Priority, work: () => Promise<T>): Promise<T> {
    const listener = limiter.acquire(priority) ?? (await limiter.acquireSoon(priority));
    if (!listener) {
      this.#shed.inc({ limiter: limiter.name, priority });
      throw new OverloadedError(`${limiter.name} is overloaded: ${priority}s are refused for now`);
    }
    try {
      const result = await work();
      if (priority === "read") listener.onSuccess();
      else listener.onIgnore();
      return result;
    } catch (error) {
      if (priority === "read" && isOutOfTime(error)) listener.onDropped();
      else listener.onIgnore();
      throw error;
    }
  }

  /** The request's own: its caller's if that is shorter than `budgetMs`. None without the mitigation `timeout`. */
  deadline(header: string | null | undefined, budgetMs: number): Deadline | null {
    return this.mitigations.on("timeout") ? Deadline.within(header, budgetMs) : null;
  }

  degraded(reason: DegradedReason): void {
    this.#degraded.inc({ reason });
  }
}

/** A dependency that asks to be left alone works; one that was not asked has not failed. */
function countsAsFailure(error: unknown): boolean {
  return error instanceof DependencyError && error.outcome !== "rejected";
}

function isOutOfTime(error: unknown): boolean {
  return (
    error instanceof Error &&
    (("outcome" in error && error.outcome === "timeout") || error.name === "NoSlotError")
  );
}
