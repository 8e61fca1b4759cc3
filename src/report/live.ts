/** The line that moves while a run goes on. @module */
import type { Progress } from "../experiment/runner.ts";
import { countsOf, latencyQuantile } from "../load/counts.ts";
import { OPERATIONS, type Operation } from "../model/load.ts";

/** So many operations find room in a line. */
const MOST_OPERATIONS = 3;

/**
 * `fault, 21 s left | 12 in flight | GET /orders/{id} p99 12 ms | POST /orders p99 301 ms, 2 failed`. Of many operations,
 * those that do worst.
 */
export function liveLine(
  { hypothesis, phase, left_s, tick }: Pick<Progress, "hypothesis" | "phase" | "left_s" | "tick">,
  timeoutMs: number,
  operations: readonly Operation[] = OPERATIONS,
): string {
  const states = operations.map((operation) => {
    const counts = countsOf(tick.deltas, operation);
    const p99 = latencyQuantile(counts, 0.99, timeoutMs);
    return { operation, p99, failed: counts.requests - counts.good };
  });
  const shown =
    states.length <= MOST_OPERATIONS
      ? states
      : states
          .toSorted((a, b) => b.failed - a.failed || (b.p99 ?? -1) - (a.p99 ?? -1))
          .slice(0, MOST_OPERATIONS);
  const texts = shown.map(
    ({ operation, p99, failed }) =>
      `${operation} p99 ${p99 === null ? "-" : `${p99.toFixed(0)} ms`}${failed > 0 ? `, ${failed} failed` : ""}`,
  );
  const rest = states.length - shown.length;
  return [
    `${hypothesis}: ${phase}, ${left_s} s left`,
    `${tick.in_flight} in flight`,
    ...texts,
    ...(rest > 0 ? [`${rest} more`] : []),
  ].join(" | ");
}
