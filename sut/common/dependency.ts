/**
 * Calls to other services and stores, as their callers see them fail.
 * @module
 */

/**
 * `error`: an answer that says it failed. `unreachable`: no answer. `timeout`: none in the time there was. `rejected`:
 * not to be asked now, as the dependency itself or a mitigation on this side says.
 */
export type DependencyFailure = "error" | "unreachable" | "timeout" | "rejected";

const WORDS: Readonly<Record<DependencyFailure, string>> = {
  error: "failed",
  unreachable: "is unreachable",
  timeout: "took too long",
  rejected: "is not asked",
};

/** A dependency gave no answer that can be used. */
export class DependencyError extends Error {
  override readonly name = "DependencyError";

  constructor(
    readonly dependency: string,
    readonly outcome: DependencyFailure,
    readonly reason: string,
    /** True when the call surely did nothing there: the connection was refused. */
    readonly refused = false,
    /** True when whoever failed has tried again already, or has no retries left: more of them would only multiply. */
    readonly final = false,
  ) {
    super(`${dependency} ${WORDS[outcome]}: ${reason}`);
  }

  /** Whether another attempt at once makes sense: not at one that asks to be left alone. */
  get retriable(): boolean {
    return this.outcome !== "rejected" && !this.final;
  }

  /** The same, final. */
  asFinal(): DependencyError {
    const { dependency, outcome, reason, refused } = this;
    return new DependencyError(dependency, outcome, reason, refused, true);
  }
}
