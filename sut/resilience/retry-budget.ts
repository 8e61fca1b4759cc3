/**
 * Retries that cannot multiply an outage: each pause is random, and all calls of a process to a dependency share one
 * budget of retries.
 * @module
 */
import { ExponentialBackoff, handleWhen, type RetryPolicy, retry } from "cockatiel";

/** What each call adds: at an outage that lasts there are 1.1 attempts for a call. */
const DEPOSIT = 0.1;
/** A replica that hangs takes as many requests with it as it gets in half a second. */
const CAPACITY = 50;

/** First pause, doubled up to the last; each is drawn from zero up to it. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 200;

/** A bucket of tokens, each good for one retry; full at first. */
export class RetryBudget {
  #tokens = CAPACITY;

  get tokens(): number {
    return this.#tokens;
  }

  deposit(amount = DEPOSIT): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + amount);
  }

  tryWithdraw(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/**
 * @param attempts at most, the first one included.
 * @param random in [0, 1): full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 * @param retriable which failures are worth another attempt.
 */
export function budgetedRetry(
  attempts: number,
  budget: RetryBudget,
  random: () => number,
  retriable: (error: unknown) => boolean,
): RetryPolicy {
  const backoff = new ExponentialBackoff<number>({
    generator: (n = 0) => [random() * Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n), n + 1],
  });
  const affordable = handleWhen((error) => retriable(error) && budget.tryWithdraw());
  const policy = retry(affordable, { maxAttempts: attempts - 1, backoff });
  // The predicate is asked after the last attempt as well: what it took for a retry that does not come goes back.
  policy.onGiveUp(() => budget.deposit(1));
  return policy;
}
