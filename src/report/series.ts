/** Per-second series for charts and for seconds.csv, from the recorded history. @module */

import type { Measurements } from "../experiment/measurements.ts";
import { latencyQuantile } from "../load/counts.ts";
import type { Operation } from "../model/load.ts";

export interface SecondRow {
  /** Arrival second since the load's start. */
  second: number;
  operation: Operation;
  requests: number;
  failed: number;
  /** Milliseconds; null when nothing arrived in that second. */
  p50_ms: number | null;
  p99_ms: number | null;
}

export function secondRows({
  history,
  operations,
}: Pick<Measurements, "history" | "operations">): SecondRow[] {
  const rows: SecondRow[] = [];
  for (let second = 0; second < history.length; second++) {
    for (const operation of operations) {
      const counts = history.window(operation, second, second + 1);
      if (counts.requests === 0) continue;
      rows.push({
        second,
        operation,
        requests: counts.requests,
        failed: counts.requests - counts.good,
        p50_ms: latencyQuantile(counts, 0.5, history.timeoutMs),
        p99_ms: latencyQuantile(counts, 0.99, history.timeoutMs),
      });
    }
  }
  return rows;
}

/** A field as RFC 4180 has it: a scenario may name its operations as it likes. */
const field = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function secondsCsv(rows: readonly SecondRow[]): string {
  const lines = rows.map((row) =>
    [row.second, field(row.operation), row.requests, row.failed, row.p50_ms ?? "", row.p99_ms ?? ""].join(
      ",",
    ),
  );
  return `${["second,operation,requests,failed,p50_ms,p99_ms", ...lines].join("\n")}\n`;
}
