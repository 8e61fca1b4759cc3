/**
 * Service level indicators, and thresholds on them as people write them: `< 250 ms`, `>= 99.9 %`.
 * @module
 */
import type { Operation } from "./load.ts";

/** `share`: 0 to 1. `ms`: milliseconds. `rps`: requests per second. `count`: a plain number. */
export const UNITS = ["share", "ms", "rps", "count"] as const;
export type Unit = (typeof UNITS)[number];

/**
 * What is measured of the load's own record: shares of requests, latency quantiles from the intended send time, requests
 * per second that ended well. Availability is the share of requests that ended well; error rate is the rest.
 */
export const MEASURES = {
  error_rate: { unit: "share", better: "low" },
  availability: { unit: "share", better: "high" },
  degraded_rate: { unit: "share", better: "low" },
  p50: { unit: "ms", better: "low" },
  p90: { unit: "ms", better: "low" },
  p99: { unit: "ms", better: "low" },
  p999: { unit: "ms", better: "low" },
  goodput: { unit: "rps", better: "high" },
} as const satisfies Record<string, { unit: Unit; better: "low" | "high" }>;
export type Measure = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as Measure[];

/** The quantile that a latency measure is; null for the others. */
export const quantileOf = (measure: Measure): number | null => {
  const digits = /^p(\d+)$/.exec(measure)?.[1];
  return digits === undefined ? null : Number(`0.${digits}`);
};

/** How a server's per-second values are drawn together over a phase. */
export const OVER_TIME = ["max", "min", "mean", "last"] as const;
export type OverTime = (typeof OVER_TIME)[number];
/** How the series of one second are drawn together. */
export const ACROSS = ["sum", "max", "min", "avg"] as const;
export type Across = (typeof ACROSS)[number];

/** Client side: from the load's record, per second, endpoint and tenant. */
export interface LoadSli {
  source: "load";
  operation: Operation;
  measure: Measure;
  unit: Unit;
}

/** Server side: from what the services expose, scraped once a second. */
export interface MetricsSli {
  source: "metrics";
  /** Selector, as Prometheus writes it: `chaoslab_pool_waiting{pool="workers"}`. */
  metric: string;
  /** Selector of what it is divided by; both are then taken as rates. */
  per?: string;
  /** Nodes that count; every service when left out. */
  nodes?: string[];
  /** `rate`: increase per second of a counter. */
  value: "gauge" | "rate";
  across: Across;
  over: OverTime;
  unit: Unit;
}

/** Server side: an expression that a Prometheus server answers, once a second. */
export interface PrometheusSli {
  source: "prometheus";
  query: string;
  over: OverTime;
  unit: Unit;
}

export type Sli = LoadSli | MetricsSli | PrometheusSli;

/** What a schedule of the shop can name without declaring it. */
export const BUILTIN_SLIS: Readonly<Record<string, LoadSli>> = {
  write_error_rate: loadSli("POST /orders", "error_rate"),
  write_p99: loadSli("POST /orders", "p99"),
  write_degraded_rate: loadSli("POST /orders", "degraded_rate"),
  read_availability: loadSli("GET /orders/{id}", "availability"),
  read_error_rate: loadSli("GET /orders/{id}", "error_rate"),
  read_p99: loadSli("GET /orders/{id}", "p99"),
};

export function loadSli(operation: Operation, measure: Measure): LoadSli {
  return { source: "load", operation, measure, unit: MEASURES[measure].unit };
}

export type Comparison = "<" | "<=" | ">" | ">=";

/** `value` is in the SLI's own unit. */
export interface Threshold {
  comparison: Comparison;
  value: number;
}

const PATTERN = /^\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%|rps)?\s*$/;

/**
 * Reads `< 250 ms`, `< 1 s`, `< 0.1 %`, `>= 99.9 %`, `>= 500 rps`, `< 5`; null when the text is none of these or its unit
 * does not fit.
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
  if (unit === "count") return given === undefined ? { comparison: comparison as Comparison, value } : null;
  if (unit === "rps") {
    if (given !== "rps" && given !== undefined) return null;
    return { comparison: comparison as Comparison, value };
  }
  // A share is written in percent, or as a plain number up to 1.
  const share = given === "%" ? value / 100 : value;
  if ((given !== "%" && given !== undefined) || share > 1) return null;
  return { comparison: comparison as Comparison, value: share };
}

/** A bound that was checked when its file was read. @throws {RangeError} when it was not, and is none in this unit. */
export function threshold(text: string, { unit }: Pick<Sli, "unit">): Threshold {
  const parsed = parseThreshold(text, unit);
  if (!parsed) throw new RangeError(`${JSON.stringify(text)} is not a bound in ${unit}`);
  return parsed;
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
  if (unit === "count") return String(Number(value.toFixed(2)));
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
  const text = unit === "share" ? `${Number((value * 100).toFixed(4))} %` : `${value} ${unit}`;
  return `${comparison} ${unit === "count" ? value : text}`;
}
