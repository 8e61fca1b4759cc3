/**
 * Service level indicators, and thresholds on them as people write them: `< 250 ms`, `>= 99.9 %`.
 * @module
 */
import type { Operation } from "./load.ts";

export type SliKind = "error_rate" | "availability" | "p99";

/** `share`: 0 to 1. `ms`: milliseconds. `rps`: requests per second. */
export type Unit = "share" | "ms" | "rps";

export interface SliDefinition {
  operation: Operation;
  kind: SliKind;
  unit: Unit;
}

/** SLIs by name. Availability is the share of requests that ended well; error rate is the rest. */
export const SLIS = {
  write_error_rate: { operation: "POST /orders", kind: "error_rate", unit: "share" },
  write_p99: { operation: "POST /orders", kind: "p99", unit: "ms" },
  read_availability: { operation: "GET /orders/{id}", kind: "availability", unit: "share" },
  read_error_rate: { operation: "GET /orders/{id}", kind: "error_rate", unit: "share" },
  read_p99: { operation: "GET /orders/{id}", kind: "p99", unit: "ms" },
} as const satisfies Record<string, SliDefinition>;

export type SliName = keyof typeof SLIS;
export const SLI_NAMES = Object.keys(SLIS) as SliName[];

export type Comparison = "<" | "<=" | ">" | ">=";

/** `value` is in the SLI's own unit. */
export interface Threshold {
  comparison: Comparison;
  value: number;
}

const PATTERN = /^\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%|rps)?\s*$/;

/**
 * Reads `< 250 ms`, `< 1 s`, `< 0.1 %`, `>= 99.9 %`, `>= 500 rps`; null when the text is none of these or its unit does
 * not fit.
 */
export function parseThreshold(text: string, unit: Unit): Threshold | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  const [, comparison, amount, given] = match;
  const value = Number(amount);
  if (unit === "ms") {
    if (given !== "ms" && given !== "s") return null;
    return { comparison: comparison as Comparison, value: given === "s" ? value * 1000 : value };
  }
  if (unit === "rps") {
    if (given !== "rps" && given !== undefined) return null;
    return { comparison: comparison as Comparison, value };
  }
  // A share is written in percent, or as a plain number up to 1.
  const share = given === "%" ? value / 100 : value;
  if ((given !== "%" && given !== undefined) || share > 1) return null;
  return { comparison: comparison as Comparison, value: share };
}

/** Whether a measured value is inside the threshold. No data (null) is not. */
export function meets(value: number | null, { comparison, value: limit }: Threshold): boolean {
  if (value === null) return false;
  switch (comparison) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
  }
}

/**
 * `99.92 %`, `1204 ms`, `no data`.
 * @param timeoutMs the client's timeout: a latency of that value is a lower bound and shown as one.
 */
export function showSli(value: number | null, unit: Unit, timeoutMs?: number): string {
  if (value === null) return "no data";
  if (unit === "rps") return `${Number(value.toFixed(1))} rps`;
  if (unit === "ms") {
    const text = `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;
    return timeoutMs !== undefined && value >= timeoutMs ? `>= ${text}` : text;
  }
  // Rounding must not turn 99.996 % into a perfect 100 %, or 0.004 % into none.
  const percent = value * 100;
  if (percent < 100 && percent > 99.99) return "99.99 %";
  if (percent > 0 && percent < 0.01) return "0.01 %";
  return `${percent.toFixed(2)} %`;
}

/** `< 1000 ms`, `>= 99.9 %`: bounds are round numbers and are shown as they are. */
export function showBound({ comparison, value }: Threshold, unit: Unit): string {
  return `${comparison} ${unit !== "share" ? `${value} ${unit}` : `${Number((value * 100).toFixed(4))} %`}`;
}
