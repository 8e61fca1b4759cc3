/**
 * A load in words: one line per second while it runs, and the table at its end.
 * @module
 */
import { table } from "../cli/terminal.ts";
import type { LoadSummary, LoadTick, OperationSummary, Outcome } from "../model/load.ts";
import { OUTCOMES } from "../model/load.ts";
import { Histogram } from "./histogram.ts";
import { good } from "./recorder.ts";

const ms = (value: number): string =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
const sum = (counts: Partial<Record<Outcome, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** Describes tick after tick; counts are those of the second before each. */
export function createTickLine(rate: number): (tick: LoadTick) => string {
  let sentBefore = 0;
  return ({ tick, sent, in_flight, slip_max_ms, deltas }) => {
    const latency = new Histogram();
    let done = 0;
    let errors = 0;
    for (const delta of deltas) {
      latency.addSparse(delta.latency);
      const ended = sum(delta.outcomes);
      done += ended;
      errors += ended - good(delta.outcomes);
    }
    const sentNow = sent - sentBefore;
    sentBefore = sent;
    const quantiles = `p50 ${ms(latency.quantile(0.5) / 1_000)} ms  p99 ${ms(latency.quantile(0.99) / 1_000)} ms`;
    const slip = slip_max_ms >= 10 ? `  slip ${ms(slip_max_ms)} ms` : "";
    return `${tick} s  ${rate} rps asked  ${sentNow} sent  ${done} done  ${in_flight} in flight  ${quantiles}  ${errors} errors${slip}`;
  };
}

function outcomesInWords(operation: OperationSummary): string {
  const seen = OUTCOMES.filter((outcome) => operation.outcomes[outcome] !== undefined);
  return seen.map((outcome) => `${outcome} ${operation.outcomes[outcome]}`).join(", ");
}

/** The end of a load: latencies in milliseconds, from the intended send time, of answered requests. */
export function summaryTable(summary: LoadSummary): string {
  const rows = [
    ["operation", "requests", "errors", "mean", "p50", "p90", "p99", "p99.9", "max ms", "outcomes"],
  ];
  for (const [name, operation] of Object.entries(summary.operations)) {
    const { mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = operation.latency;
    const latencies = [mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms].map(ms);
    const errors = percent(operation.error_rate);
    rows.push([name, String(operation.requests), errors, ...latencies, outcomesInWords(operation)]);
  }
  const right = Array.from({ length: 8 }, () => "right" as const);
  const lines = [
    table(rows, ["left", ...right, "left"]),
    "",
    `${summary.requests} requests in ${summary.duration_s} s at ${summary.rate} rps (${summary.arrivals}, seed ${summary.seed}) to ${summary.target}`,
    `goodput ${summary.goodput_rps} rps, slip p99 ${ms(summary.slip.p99_ms)} ms, max ${ms(summary.slip.max_ms)} ms, ${summary.dropped} dropped`,
  ];
  if (summary.generator_saturated) {
    lines.push(
      "the generator was saturated: it, not the target, set the pace; take more --connections or a lower --rate",
    );
  }
  return lines.join("\n");
}
