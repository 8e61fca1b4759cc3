/**
 * What a load reports, second by second and at its end.
 * @module
 */
import type { Unit } from "./sli.ts";

/** Operations of the built-in mix, named by method and route as they appear in verdicts. */
export const OPERATIONS = ["GET /orders/{id}", "POST /orders"] as const;
export type ShopOperation = (typeof OPERATIONS)[number];

/** Name of one operation of a load: of the built-in mix, or one that a scenario gives. */
export type Operation = string;

/**
 * How a request ended. Answered: `2xx` to `5xx` by status; `degraded`: a 2xx that says so of itself (header
 * `X-Degraded`); `expected`: another status that the scenario asks for; `unexpected`: a status below 400 or a body
 * that is not what the scenario asks for. Not answered: `timeout`: no full answer in time; `refused`, `reset`,
 * `connect`: the connection failed; `protocol`: an answer that is not HTTP; `dropped`: never sent, because all
 * connections were busy or too many requests were in flight.
 */
export const OUTCOMES = [
  "2xx",
  "degraded",
  "3xx",
  "expected",
  "4xx",
  "5xx",
  "unexpected",
  "timeout",
  "refused",
  "reset",
  "connect",
  "protocol",
  "dropped",
] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type OutcomeCounts = Partial<Record<Outcome, number>>;

/** Outcomes that are an answer of the target, whatever it says. */
const ANSWERED: ReadonlySet<Outcome> = new Set<Outcome>([
  "2xx",
  "degraded",
  "3xx",
  "expected",
  "4xx",
  "5xx",
  "unexpected",
]);
/** Outcomes that are what the client wanted. */
const GOOD: readonly Outcome[] = ["2xx", "degraded", "3xx", "expected"];

export const isAnswer = (outcome: Outcome): boolean => ANSWERED.has(outcome);

export const isGood = (outcome: Outcome): boolean => GOOD.includes(outcome);

/** Requests that ended well. */
export const goodOf = (counts: OutcomeCounts): number =>
  GOOD.reduce((sum, outcome) => sum + (counts[outcome] ?? 0), 0);

export const requestsOf = (counts: OutcomeCounts): number => {
  let sum = 0;
  for (const outcome of OUTCOMES) sum += counts[outcome] ?? 0;
  return sum;
};

/**
 * A stretch of the offered load: the rate goes in a straight line from `from` to `to`, in requests per second.
 * Constant where the two are equal.
 */
export interface Stage {
  duration_s: number;
  from: number;
  to: number;
}

/**
 * Requests of one arrival second, operation and tenant that ended during one tick. Sums of deltas over
 * ticks give the second's final numbers.
 */
export interface LoadDelta {
  /** Arrival second: whole seconds from the load's start to the intended send time. */
  second: number;
  operation: string;
  /** Tenant index. */
  tenant: number;
  outcomes: OutcomeCounts;
  /**
   * Latency of requests that got an answer (any status), from intended send time: [bucket, count, ...] of
   * the histogram in src/load/histogram.ts, unit microseconds. Requests without an answer are not in it.
   */
  latency: number[];
}

/** Which part of a schedule this process sends: the requests whose index modulo `of` is `index`. */
export interface Shard {
  index: number;
  of: number;
}

/** First record of a stream. */
export interface LoadStart {
  kind: "start";
  /** Unix epoch milliseconds of the instant that second 0 starts. */
  t_start: number;
  /** Mean offered load, in requests per second, of all shards together. */
  rate: number;
  stages: Stage[];
  seed: number;
  targets: string[];
  operations: string[];
  tenants: number;
  shard: Shard;
}

/** An order that the target said it has taken. */
export interface AcknowledgedOrder {
  id: string;
  /** Name of the tenant that placed it. */
  tenant: string;
  status: "paid" | "pending";
  /** Arrival second of the request, as in {@link LoadDelta}. */
  second: number;
}

/** A read that was answered with something else than the order that was asked for. */
export interface ForeignRead {
  /** Id of the order that was asked for. */
  asked: string;
  /** Id in the answer; empty when there is none. */
  got: string;
  /** Name of the tenant that asked. */
  tenant: string;
  /** `tenant_id` in the answer; null when there is none. */
  got_tenant: string | null;
  second: number;
}

/** What a client remembers of the answers it got, to be held against what the system has. */
export interface ClientRecord {
  acknowledged: AcknowledgedOrder[];
  foreign_reads: ForeignRead[];
}

/** One record per second while running. */
export interface LoadTick {
  kind: "tick";
  /** Whole seconds since the start; the deltas ended in the second before this. */
  tick: number;
  /** Requests due so far, and of these handed to a connection so far, and of these more than LATE_MS late. */
  due: number;
  sent: number;
  late: number;
  in_flight: number;
  /** Worst difference between intended and actual send in this tick, in milliseconds. */
  slip_max_ms: number;
  /** Slip of the requests handed on in this tick, as in `latency` of {@link LoadDelta}. */
  slip: number[];
  deltas: LoadDelta[];
  /** What answers of this tick brought. Only of a load that checks them (`--check`). */
  record?: ClientRecord;
}

/** A request that leaves more than this after its time is counted as late. */
export const LATE_MS = 10;

export interface LatencySummary {
  count: number;
  mean_ms: number;
  p50_ms: number;
  p90_ms: number;
  p99_ms: number;
  p999_ms: number;
  max_ms: number;
}

/** A histogram as data, exact enough to be merged: [bucket, count, ...] as in {@link LoadDelta}. */
export interface HistogramData {
  count: number;
  sum_us: number;
  max_us: number;
  buckets: number[];
}

export interface OperationSummary {
  requests: number;
  outcomes: OutcomeCounts;
  /** Share of requests that did not end well, 0 to 1. */
  error_rate: number;
  /** Of answered requests, from the intended send time. */
  latency: LatencySummary;
  /** Of answered requests, from the actual send. */
  service_time: LatencySummary;
  histograms: { latency: HistogramData; service_time: HistogramData };
}

/** Beyond these the arrival times are no longer the schedule's, and the numbers are marked. */
export interface SaturationLimits {
  /** p99 of the slip, in milliseconds. */
  slip_p99_ms: number;
  /** Share of requests that were never sent, 0 to 1. */
  dropped_share: number;
}

/** Last record of a stream, and what `--json` prints. */
export interface LoadSummary {
  kind: "summary";
  targets: string[];
  /** Mean offered load, in requests per second. */
  rate: number;
  stages: Stage[];
  seed: number;
  arrivals: "poisson" | "constant";
  shard: Shard;
  t_start: number;
  duration_s: number;
  requests: number;
  /** Requests per second that ended well. */
  goodput_rps: number;
  late: number;
  dropped: number;
  /** Intended to actual send. */
  slip: LatencySummary;
  slip_histogram: HistogramData;
  limits: SaturationLimits;
  /** True when slip or drops passed the limits: the generator, not the system, set the pace. */
  generator_saturated: boolean;
  /** All operations of the workload; `operations` has those that had a request. */
  operation_names: string[];
  operations: Record<string, OperationSummary>;
}

/** Several shards' summaries as one, by `chaoslab merge`; `shard` is the whole. */
export interface MergedSummary extends LoadSummary {
  merged: {
    /** Indexes of the shards that are in it, rising, and how many there are. */
    shards: number[];
    of: number;
    /** Indexes of those that were stopped before the stages' end. */
    cut_short: number[];
    /** Last start minus first, in milliseconds, each by its own host's clock. */
    t_start_spread_ms: number;
  };
}

/** What became of a threshold on a load. */
export interface ThresholdResult {
  /** As it was written. */
  threshold: string;
  ok: boolean;
  /** Measured over the whole load, or in the second that tripped it. Null: no data. */
  value: number | null;
  unit: Unit;
  /** Of a threshold `for` some time that was tripped: seconds from the start at which the breach began, and had lasted. */
  breached_from_s: number | null;
  aborted_at_s: number | null;
}

/** A summary with what became of the thresholds, where some were asked for. */
export interface JudgedSummary extends LoadSummary {
  thresholds: ThresholdResult[];
}

export type LoadRecord = LoadStart | LoadTick | LoadSummary;
