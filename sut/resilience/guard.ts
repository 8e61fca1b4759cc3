/**
 * Calls to one dependency, under whichever mitigations are on: retry, around a bulkhead, around a breaker, around a time
 * limit. With none of them a call is what it was: tried again at once, without an end.
 * @module
 */
import { type BulkheadPolicy, bulkhead, type RetryPolicy, TimeoutStrategy, timeout } from "cockatiel";
import { seeded } from "../../src/model/random.ts";
import { DependencyError } from "../common/dependency.ts";
import { NoSlotError } from "../common/pool.ts";
import { isRetriable, retry } from "../common/retry.ts";
import { type Breaker, BrokenError } from "./breaker.ts";
import type { Deadline } from "./deadline.ts";
import type { Resilience } from "./resilience.ts";
import { budgetedRetry, RetryBudget } from "./retry-budget.ts";

export interface GuardOptions {
  /** The other side, as metrics name it. */
  dependency: string;
  /** Name of budget and bulkhead, where calls of one dependency are kept apart (default: the dependency). */
  name?: string;
  /** At most, the first one included. */
  attempts: number;
  /** Of one attempt; less where the request has less left. */
  timeoutMs: number;
  /** Calls at once, under the mitigation `bulkhead`; those beyond are refused. Undefined: the caller has pools for it. */
  slots?: number;
  /** False where the caller has a breaker for each replica. */
  breaker?: boolean;
}

/** One attempt. The signal ends it; undefined: nothing does. */
export type Attempt<T> = (signal: AbortSignal | undefined, deadlineMs: number | undefined) => Promise<T>;

export class Guard {
  readonly #name: string;
  readonly #budget = new RetryBudget();
  readonly #retry: RetryPolicy;
  readonly #bulkhead: BulkheadPolicy | null;
  readonly #breaker: (() => Breaker) | null;

  constructor(
    private readonly resilience: Resilience,
    private readonly options: GuardOptions,
  ) {
    const { dependency, attempts, slots } = options;
    const { metrics, mitigations } = resilience;
    this.#name = options.name ?? dependency;
    // Seeded by name: guards of one node do not draw alike, and the next run draws the same.
    const random = seeded(Number(Bun.hash.crc32(this.#name)));
    this.#retry = budgetedRetry(attempts, this.#budget, random, isRetriable);
    this.#retry.onRetry(() => resilience.retries.inc({ dependency }));
    this.#breaker = options.breaker === false ? null : resilience.breaker(this.#name);
    resilience.showBudget(this.#name, this.#budget);
    const compartment = slots === undefined ? null : bulkhead(slots);
    this.#bulkhead = compartment;
    if (compartment && slots !== undefined) {
      const slotsOf = {
        name: this.#name,
        size: slots,
        waiting: 0,
        get inUse() {
          return slots - compartment.executionSlots;
        },
      };
      metrics.pool(slotsOf, () => mitigations.on("bulkhead"));
    }
  }

  /** A call with as many attempts as it takes and may have. @throws DependencyError */
  async run<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    const { dependency, attempts } = this.options;
    this.resilience.metrics.called(dependency);
    const once = (): Promise<T> => this.#inBulkhead(attempt, deadline);
    if (!this.resilience.mitigations.on("retry_budget")) {
      return retry(attempts, (n) => {
        if (n > 1) this.resilience.retries.inc({ dependency });
        return once();
      });
    }
    this.#budget.deposit();
    try {
      return await this.#retry.execute(once, deadline?.signal);
    } catch (error) {
      // Whoever called us is told, or each layer would multiply the retries of the next.
      throw error instanceof DependencyError && error.retriable ? error.asFinal() : error;
    }
  }

  /** A call of a background job: one attempt, outside of the bulkhead, which is for clients. @throws DependencyError */
  once<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    this.resilience.metrics.called(this.options.dependency);
    return this.#throughBreaker(attempt, deadline);
  }

  #inBulkhead<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    if (!this.#bulkhead || !this.resilience.mitigations.on("bulkhead")) {
      return this.#throughBreaker(attempt, deadline);
    }
    if (this.#bulkhead.executionSlots === 0) return Promise.reject(this.#rejected("its bulkhead is full"));
    return this.#bulkhead.execute(() => this.#throughBreaker(attempt, deadline));
  }

  #throughBreaker<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    const on = this.#breaker && this.resilience.mitigations.on("breaker");
    return on ? this.#unlessBroken(this.#breaker(), attempt, deadline) : this.#inTime(attempt, deadline);
  }

  async #unlessBroken<T>(breaker: Breaker, attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    try {
      return await breaker.run(() => this.#inTime(attempt, deadline));
    } catch (error) {
      throw error instanceof BrokenError ? this.#rejected(error.message) : error;
    }
  }

  #inTime<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    return this.resilience.mitigations.on("timeout")
      ? this.#limited(attempt, deadline)
      : attempt(undefined, undefined);
  }

  async #limited<T>(attempt: Attempt<T>, deadline: Deadline | null): Promise<T> {
    const { dependency, timeoutMs } = this.options;
    const limitMs = Math.floor(Math.min(timeoutMs, deadline?.remainingMs ?? timeoutMs));
    if (limitMs < 1) {
      this.resilience.metrics.timedOut(dependency);
      throw new DependencyError(dependency, "timeout", "no time is left for it");
    }
    const policy = timeout(limitMs, { strategy: TimeoutStrategy.Cooperative, abortOnReturn: false });
    return policy.execute(({ signal }) => this.#translated(() => attempt(signal, limitMs)));
  }

  /** A pool that is in front of the dependency counts as the dependency. */
  async #translated<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NoSlotError)) throw error;
      if (error.reason === "full") throw this.#rejected(error.message);
      this.resilience.metrics.timedOut(this.options.dependency);
      throw new DependencyError(this.options.dependency, "timeout", error.message);
    }
  }

  #rejected(reason: string): DependencyError {
    return new DependencyError(this.options.dependency, "rejected", reason);
  }
}
