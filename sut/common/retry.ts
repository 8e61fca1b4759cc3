/**
 * Retries as they are written first: again at once, a fixed number of times, whatever the state of the
 * other side. No pause, no budget, no deadline.
 * @module
 */
import { DependencyError } from "./dependency.ts";

/**
 * Calls until one attempt does not fail with a {@link DependencyError}, at most `attempts` times. The last
 * error is the caller's.
 */
export async function retry<T>(attempts: number, call: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(attempt);
    } catch (error) {
      if (attempt >= attempts || !isRetriable(error)) throw error;
    }
  }
}

/** A dependency's failure, unless it asks to be left alone. */
export function isRetriable(error: unknown): boolean {
  return error instanceof DependencyError && error.retriable;
}
