/** The line that moves while a run goes on. @module */
import type { Progress } from "../experiment/runner.ts";
import { countsOf, latencyQuantile } from "../load/counts.ts";
import { OPERATIONS } from "../model/load.ts";

/** `fault 21 s left | 250/s sent, 12 in flight | GET /orders/{id} p99 12 ms | POST /orders p99 301 ms, 2 failed`. */
export function liveLine({ hypothesis, phase, left_s, tick }: Progress, timeoutMs: number): string {
  const operations = OPERATIONS.map((operation) => {
    const counts = countsOf(tick.deltas, operation);
    const p99 = latencyQuantile(counts, 0.99, timeoutMs);
    const failed = counts.requests - counts.good;
    return `${operation} p99 ${p99 === null ? "-" : `${p99.toFixed(0)} ms`}${failed > 0 ? `, ${failed} failed` : ""}`;
  });
  return [`${hypothesis}: ${phase}, ${left_s} s left`, `${tick.in_flight} in flight`, ...operations].join(
    " | ",
  );
}
