/**
 * Calls to other services and stores, as their callers see them fail.
 * @module
 */

export type DependencyFailure = "error" | "unreachable";

/** A dependency gave no answer (`unreachable`), or one that says it failed (`error`). */
export class DependencyError extends Error {
  override readonly name = "DependencyError";

  constructor(
    readonly dependency: string,
    readonly outcome: DependencyFailure,
    reason: string,
  ) {
    super(`${dependency} ${outcome === "error" ? "failed" : "is unreachable"}: ${reason}`);
  }
}
