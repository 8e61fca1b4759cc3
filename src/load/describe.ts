/**
 * A load in words: one line per second while it runs, and the table at its end.
 * @module
 */
import { table } from "../cli/terminal.ts";
import {
  goodOf,
  type LoadSummary,
  type MergedSummary,
  type OperationSummary,
  OUTCOMES,
  requestsOf,
  type Shard,
  type Stage,
  type ThresholdResult,
} from "../model/load.ts";
import { showSli } from "../model/sli.ts";
import { rateAt } from "./arrivals.ts";
import type { FollowedTick } from "./counts.ts";
import { Histogram } from "./histogram.ts";
import { WHOLE } from "./run.ts";
import { showShard } from "./shard.ts";
import { showStages } from "./stages.ts";

/** Three significant digits or so. */
export const ms = (value: number): string =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

export const NOTABLE_SLIP_MS = 10;

/** Describes tick after tick; counts are those of the second before each. */
export function createTickLine(
  stages: readonly Stage[],
  { of }: Shard = WHOLE,
): (tick: FollowedTick) => string {
  let sentBefore = 0;
  return ({ tick, sent, in_flight, slip_max_ms, deltas }) => {
    const latency = new Histogram();
    let done = 0;
    let errors = 0;
    for (const delta of deltas) {
      latency.addSparse(delta.latency);
      const ended = requestsOf(delta.outcomes);
      done += ended;
      errors += ended - goodOf(delta.outcomes);
    }
    const sentNow = sent - sentBefore;
    sentBefore = sent;
    const quantiles = [0.5, 0.99].map((q) => (latency.count > 0 ? ms(latency.quantile(q) / 1_000) : "-"));
    const rate = Math.round(rateAt(stages, tick - 0.5) / of);
    // Just fits 80 columns at four-digit rates.
    const counts = `${tick} s  ${rate} rps  ${sentNow} sent  ${done} done  ${in_flight} in flight  ${errors} errors`;
    const slip = slip_max_ms >= NOTABLE_SLIP_MS ? `  slip ${ms(slip_max_ms)} ms` : "";
    return `${counts}  p50/p99 ${quantiles.join("/")} ms${slip}`;
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
    const { count, mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = operation.latency;
    const values = [mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms];
    const latencies = values.map((value) => (count > 0 ? ms(value) : "-"));
    const errors = percent(operation.error_rate);
    rows.push([name, String(operation.requests), errors, ...latencies, outcomesInWords(operation)]);
  }
  const right = Array.from({ length: 8 }, () => "right" as const);
  const lines = [
    table(rows, ["left", ...right, "left"]),
    "",
    `${summary.requests} requests in ${summary.duration_s} s at ${showStages(summary.stages)} (${summary.arrivals}, seed ${summary.seed}) to ${summary.targets.join(", ")}`,
    `goodput ${summary.goodput_rps} rps, slip p99 ${ms(summary.slip.p99_ms)} ms, max ${ms(summary.slip.max_ms)} ms, ${summary.late} late, ${summary.dropped} dropped`,
  ];
  if (summary.shard.of > 1) lines.push(`this is shard ${showShard(summary.shard)} of the load`);
  if (summary.generator_saturated) {
    lines.push(
      "the generator was saturated: it, not the target, set the pace; take more --connections or a lower --rate",
    );
  }
  return lines.join("\n");
}

/** What a merged summary is made of. */
export function mergedLine({ merged: { shards, of, t_start_spread_ms, cut_short } }: MergedSummary): string {
  const numbers = (indexes: readonly number[]): string => indexes.map((index) => index + 1).join(", ");
  const missing = Array.from({ length: of }, (_, index) => index).filter((index) => !shards.includes(index));
  const parts = [`shards ${shards.length} of ${of}`];
  if (missing.length > 0) parts.push(`missing ${numbers(missing)}`);
  if (cut_short.length > 0) parts.push(`stopped early: ${numbers(cut_short)}`);
  parts.push(`starts ${t_start_spread_ms} ms apart`);
  return parts.join(", ");
}

/** A line per threshold: whether it held, and what was measured. */
export function thresholdTable(results: readonly ThresholdResult[], timeoutMs: number): string {
  return table(
    results.map(({ threshold, ok, value, unit, breached_from_s, aborted_at_s }) => {
      const when =
        aborted_at_s === null ? "" : `, breached from ${breached_from_s} s on, aborted at ${aborted_at_s} s`;
      return [ok ? "pass" : "FAIL", threshold, `${showSli(value, unit, timeoutMs)}${when}`];
    }),
  );
}
