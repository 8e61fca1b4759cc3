/**
 * What a load reports, second by second and at its end.
 * @module
 */

/** Operations of the built-in mix, named by method and route as they appear in verdicts. */
export const OPERATIONS = ["GET /orders/{id}", "POST /orders"] as const;
export type Operation = (typeof OPERATIONS)[number];

/**
 * How a request ended. `timeout`: no full answer in time. `refused`, `reset`, `connect`: the connection
 * failed. `protocol`: an answer that is not HTTP. `dropped`: never sent, because all connections were busy.
 */
export const OUTCOMES = [
  "2xx",
  "3xx",
  "4xx",
  "5xx",
  "timeout",
  "refused",
  "reset",
  "connect",
  "protocol",
  "dropped",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * Requests of one arrival second, operation and tenant that ended during one tick. Sums of deltas over
 * ticks give the second's final numbers.
 */
export interface LoadDelta {
  /** Arrival second: whole seconds from the load's start to the intended send time. */
  second: number;
  operation: Operation;
  /** Tenant index. */
  tenant: number;
  outcomes: Partial<Record<Outcome, number>>;
  /**
   * Latency of requests that got an answer (any status), from intended send time: [bucket, count, ...] of
   * the histogram in src/load/histogram.ts, unit microseconds. Requests without an answer are not in it.
   */
  latency: number[];
}

/** First record of a stream. */
export interface LoadStart {
  kind: "start";
  /** Unix epoch milliseconds of the instant that second 0 starts. */
  t_start: number;
  rate: number;
  seed: number;
}

/** One record per second while running. */
export interface LoadTick {
  kind: "tick";
  /** Whole seconds since the start; the deltas ended in the second before this. */
  tick: number;
  /** Requests due so far, and of these handed to a connection so far. */
  due: number;
  sent: number;
  in_flight: number;
  /** Worst difference between intended and actual send in this tick, in milliseconds. */
  slip_max_ms: number;
  deltas: LoadDelta[];
}

export interface LatencySummary {
  count: number;
  mean_ms: number;
  p50_ms: number;
  p90_ms: number;
  p99_ms: number;
  p999_ms: number;
  max_ms: number;
}

export interface OperationSummary {
  requests: number;
  outcomes: Partial<Record<Outcome, number>>;
  /** Share of requests that did not end in 2xx or 3xx, 0 to 1. */
  error_rate: number;
  /** Of answered requests, from the intended send time. */
  latency: LatencySummary;
}

/** Last record of a stream, and what `--json` prints. */
export interface LoadSummary {
  kind: "summary";
  target: string;
  rate: number;
  seed: number;
  arrivals: "poisson" | "constant";
  duration_s: number;
  requests: number;
  /** Requests per second that ended in 2xx or 3xx. */
  goodput_rps: number;
  dropped: number;
  /** Intended to actual send. */
  slip: LatencySummary;
  /** True when slip or drops show that the generator, not the system, set the pace. */
  generator_saturated: boolean;
  operations: Partial<Record<Operation, OperationSummary>>;
}

export type LoadRecord = LoadStart | LoadTick | LoadSummary;
