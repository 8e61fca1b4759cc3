/**
 * Objectives as people write them: the thresholds of a load that a single second can be judged by, e.g.
 * `p99 < 250 ms`, `POST /orders: p99 < 250 ms`, `error_rate < 0.1 %`.
 * @module
 */
import { type Counts, latencyQuantile } from "../load/counts.ts";
import { parseLoadThreshold } from "../load/thresholds.ts";
import { meets, showSli, type Threshold } from "../model/sli.ts";

export interface Objective {
  /** As it was written. */
  text: string;
  /** Null: all operations together. */
  operation: string | null;
  metric: { kind: "error_rate" } | { kind: "availability" } | { kind: "latency"; quantile: number };
  bound: Threshold;
}

const QUANTILES: Readonly<Record<string, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 };

/** Null when the text is no threshold, or not one that each second of a step can be judged by. */
export function parseObjective(given: string): Objective | null {
  const threshold = parseLoadThreshold(given);
  if (typeof threshold === "string" || threshold.forS !== null) return null;
  const { text, operation, metric, bound } = threshold;
  const quantile = QUANTILES[metric];
  if (quantile !== undefined) return { text, operation, metric: { kind: "latency", quantile }, bound };
  if (metric !== "error_rate" && metric !== "availability") return null;
  return { text, operation, metric: { kind: metric }, bound };
}

/** The measured value: milliseconds or a share; null without requests. */
export function measure({ metric }: Objective, counts: Counts, timeoutMs: number): number | null {
  if (counts.requests === 0) return null;
  if (metric.kind === "latency") return latencyQuantile(counts, metric.quantile, timeoutMs);
  const good = counts.good / counts.requests;
  return metric.kind === "availability" ? good : 1 - good;
}

/**
 * Without requests there is nothing to break it.
 * @param graceMs added to a bound on latency.
 */
export function holds(objective: Objective, counts: Counts, timeoutMs: number, graceMs = 0): boolean {
  const { metric, bound } = objective;
  const value = measure(objective, counts, timeoutMs);
  if (value === null) return true;
  return meets(value, metric.kind === "latency" ? { ...bound, value: bound.value + graceMs } : bound);
}

export const showValue = (objective: Objective, value: number | null, timeoutMs: number): string =>
  objective.metric.kind === "latency" ? showSli(value, "ms", timeoutMs) : showSli(value, "share");
