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
/** ... of at least this many; or when this many failed in a row, however many had succeeded before. */
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
  #inARow = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  success(state: CircuitState): void {
    if (state === CircuitState.HalfOpen) this.#windows = [];
    this.#inARow = 0;
    this.#current().calls++;
  }

  failure(state: CircuitState): boolean {
    const current = this.#current();
    current.calls++;
    current.failures++;
    this.#inARow++;
    if (state !== CircuitState.Closed || this.#inARow >= LEAST_CALLS) return true;
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
function monotonicPause(
  endsMs: number,
  nowMs: () => number,
  next: () => IBackoff<unknown>,
): IBackoff<unknown> {
  return {
    // cockatiel compares this with the wall-clock time since the circuit opened, which a step can make negative.
    get duration() {
      return nowMs() < endsMs ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    },
    next,
  };
}

/** Refused by the breaker, without a call. */
export class BrokenError extends Error {
  override readonly name = "BrokenError";
}

export class Breaker {
  readonly #policy: CircuitBreakerPolicy;
  #triedAgainMs = 0;

  /**
   * @param failed which errors count against the dependency.
   * @param onState told of each change of state.
   */
  constructor(
    failed: (error: unknown) => boolean,
    onState: (level: StateLevel) => void = () => {},
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    const pause = (): IBackoff<unknown> => {
      this.#triedAgainMs = nowMs() + OPEN_MS;
      return monotonicPause(this.#triedAgainMs, nowMs, pause);
    };
    this.#policy = circuitBreaker(handleWhen(failed), {
      halfOpenAfter: { next: pause },
      breaker: new FailureRate(nowMs),
    });
    this.#policy.onStateChange((state) => onState(levelOf(state)));
  }

  /** As the metric has it. */
  get level(): StateLevel {
    return levelOf(this.#policy.state);
  }

  /** Whether a call would be refused now: it is open, or another call is trying already. */
  get refuses(): boolean {
    return this.level === 1 || (this.level === 2 && this.nowMs() < this.#triedAgainMs);
  }

  /** @throws BrokenError, or what `call` threw. */
  run<T>(call: () => Promise<T>): Promise<T> {
    // cockatiel would let the others wait for the one that tries; nobody shall.
    if (this.refuses)
      throw new BrokenError(this.level === 2 ? "its circuit is open" : "its circuit is half-open");
    return this.#policy.execute(call);
  }
}

/** 0 closed, 1 half-open, 2 open. */
export type StateLevel = 0 | 1 | 2;

/** By level, as the label `to` has it. */
export const STATE_NAMES = ["closed", "half_open", "open"] as const;

function levelOf(state: CircuitState): StateLevel {
  if (state === CircuitState.Closed) return 0;
  return state === CircuitState.HalfOpen ? 1 : 2;
}
