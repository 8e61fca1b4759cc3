/**
 * Objectives as people write them: `p99 < 250 ms`, `POST /orders: p99 < 250 ms`, `error_rate < 0.1 %`.
 * @module
 */
import { type Counts, latencyQuantile } from "../experiment/history.ts";
import { meets, parseThreshold, showSli, type Threshold } from "../model/sli.ts";

export interface Objective {
  /** As it was written. */
  text: string;
  /** Null: all operations together. */
  operation: string | null;
  metric: { kind: "error_rate" } | { kind: "availability" } | { kind: "latency"; quantile: number };
  bound: Threshold;
}

const PATTERN = /^(?:(.+):\s+)?(p\d{1,2}(?:\.\d+)?|error_rate|availability)\s*([<>].*)$/;

/** Null when the text is not an objective. */
export function parseObjective(text: string): Objective | null {
  const [, operation, name, rest] = PATTERN.exec(text.trim()) ?? [];
  if (name === undefined || rest === undefined) return null;
  const latency = name.startsWith("p");
  const bound = parseThreshold(rest, latency ? "ms" : "share");
  if (bound === null) return null;
  const metric = latency
    ? { kind: "latency" as const, quantile: Number(name.slice(1)) / 100 }
    : { kind: name as "error_rate" | "availability" };
  return { text: text.trim(), operation: operation ?? null, metric, bound };
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
