/**
 * How long a request may still take. It travels as a remaining time, never as an instant, so that no clocks need to
 * agree (as gRPC's `grpc-timeout` does).
 * @module
 */

/** Milliseconds that the caller still waits. */
export const DEADLINE_HEADER = "x-deadline-ms";

export class Deadline {
  readonly #atMs: number;
  #signal: AbortSignal | null = null;

  /** @param budgetMs from now on. */
  constructor(budgetMs: number) {
    this.#atMs = performance.now() + budgetMs;
  }

  /** The caller's budget where it is given and smaller than `budgetMs`. */
  static within(header: string | null | undefined, budgetMs: number): Deadline {
    const given = header ? Number(header) : Number.NaN;
    return new Deadline(given >= 0 && given < budgetMs ? given : budgetMs);
  }

  /** Never negative. */
  get remainingMs(): number {
    return Math.max(0, this.#atMs - performance.now());
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.timeout(Math.ceil(this.remainingMs));
    return this.#signal;
  }
}
