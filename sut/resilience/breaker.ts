/**
 * A circuit breaker by failure rate. cockatiel has the state machine; time is the monotonic clock's here, because its own
 * breakers go by the wall clock: set back by five minutes, that would keep a circuit open for five minutes.
 * @module
 */
import {
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhen,
  type IBackoff,
  type IBreaker,
} from "cockatiel";

/** Calls are judged over the last second to five. */
const WINDOW_MS = 1_000;
const WINDOWS = 5;
/** Opens when more than this share of them failed ... */
const THRESHOLD = 0.5;
/** ... of at least this many. */
const LEAST_CALLS = 10;
/** An open circuit is tried again after this. */
const OPEN_MS = 2_000;

interface Window {
  index: number;
  calls: number;
  failures: number;
}

/** Failure rate over a sliding window of whole seconds. */
export class FailureRate implements IBreaker {
  state: unknown = null;
  #windows: Window[] = [];

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  success(state: CircuitState): void {
    if (state === CircuitState.HalfOpen) this.#windows = [];
    this.#current().calls++;
  }

  failure(state: CircuitState): boolean {
    const current = this.#current();
    current.calls++;
    current.failures++;
    if (state !== CircuitState.Closed) return true;
    let calls = 0;
    let failures = 0;
    for (const window of this.#windows) {
      calls += window.calls;
      failures += window.failures;
    }
    return calls >= LEAST_CALLS && failures > THRESHOLD * calls;
  }

  #current(): Window {
    const index = Math.floor(this.nowMs() / WINDOW_MS);
    const last = this.#windows.at(-1);
    if (last?.index === index) return last;
    const window = { index, calls: 0, failures: 0 };
    this.#windows = [...this.#windows.filter((each) => each.index > index - WINDOWS), window];
    return window;
  }
}

/** A pause that is over when the monotonic clock says so, whatever the wall clock does. */
function monotonicPause(ms: number, nowMs: () => number): IBackoff<unknown> {
  const endsMs = nowMs() + ms;
  return {
    // cockatiel compares this with the wall-clock time since the circuit opened, which a step can make negative.
    get duration() {
      return nowMs() < endsMs ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    },
    next: () => monotonicPause(ms, nowMs),
  };
}

/** @param failed which errors count against the dependency. */
export function createBreaker(
  failed: (error: unknown) => boolean,
  nowMs: () => number = () => performance.now(),
): CircuitBreakerPolicy {
  return circuitBreaker(handleWhen(failed), {
    halfOpenAfter: { next: () => monotonicPause(OPEN_MS, nowMs) },
    breaker: new FailureRate(nowMs),
  });
}

/** 0 closed, 1 half-open, 2 open: as the metric has it. */
export function stateLevel(state: CircuitState): 0 | 1 | 2 {
  if (state === CircuitState.Closed) return 0;
  return state === CircuitState.HalfOpen ? 1 : 2;
}

/** As the label `to` has it. */
export const STATE_NAMES = ["closed", "half_open", "open"] as const;
