/**
 * What the script of the page draws from, left in it as JSON: numbers by column, so that a run of many trials stays small.
 * Seconds count from the load's start. This file imports nothing, as both the page's maker and its script do.
 * @module
 */

/** One value per second or tick; null: there is none. */
export type Column = (number | null)[];

export type Window = [from: number, to: number];

export interface PageData {
  trials: PageTrial[];
  /** Places in `trials` of what is laid over each other. */
  pairs: [before: number, after: number][];
}

export interface PageTrial extends TrialCurves {
  /** From the fault's removal, as the verdict has it; 0: no SLI had left its bound. Null: not seen. */
  mttr_s: number | null;
}

export interface TrialCurves {
  name: string;
  /** Arrival seconds with a value in every column of this trial. */
  seconds: number;
  baseline: Window;
  fault: Window | null;
  recovery: Window | null;
  /** When each fault was in force, by the clock of the injector. `to` null: not seen to end. */
  faults: { label: string; from: number; to: number | null }[];
  /** When the last fault was gone; null: not seen. */
  removed_s: number | null;
  /** The first second from which every SLI is back; null: not seen. */
  back_s: number | null;
  /** A latency of this value is a lower bound: the client had given up. */
  timeout_ms: number;
  endpoints: EndpointCurves[];
  /** The busiest, from the first down; what was never in use is left out. */
  pools: PoolCurve[];
  /** SLIs that the servers count. */
  servers: SliCurve[];
  /** {@link distanceOf} by the second; null where the five seconds from there were not all observed. */
  distance: Column;
}

/** Bounds of one SLI, in its own unit: in the steady state, and while a fault is active. */
export interface BoundPair {
  name: string;
  steady: number;
  fault: number;
}

export interface EndpointCurves {
  name: string;
  /** By arrival second. */
  requests: number[];
  /** Those that did not end well. */
  failed: number[];
  p50_ms: Column;
  p99_ms: Column;
  p999_ms: Column;
  /** On latency quantiles, in milliseconds. */
  latency_bounds: BoundPair[];
  /** On availability, as a share of 1; those on error rates are turned around. */
  availability_bounds: BoundPair[];
  /** Latency in milliseconds at each of the ticks of `percentileTicks`, as far as the phase has requests for. */
  percentiles: { baseline: number[]; fault: number[]; recovery: number[] };
}

export interface PoolCurve {
  name: string;
  size: number;
  in_use: Column;
  waiting: Column;
}

export interface SliCurve extends BoundPair {
  unit: "share" | "ms" | "rps" | "count";
  values: Column;
}

/** What is drawn of a trial, or of a pair. */
export const CHART_KINDS = [
  "latency",
  "availability",
  "rate",
  "pools",
  "waiting",
  "server",
  "recovery",
  "percentiles",
  "overlay-latency",
  "overlay-availability",
] as const;
export type ChartKind = (typeof CHART_KINDS)[number];

/** Steps from each half of the remaining distance to 100 % to the next, as HdrHistogram's plots have them. */
export const TICKS_PER_HALF_DISTANCE = 5;

/** 1 / (1 - q) of tick `i`, for the quantile q: 1 (0 %), 1.11 (10 %) .. 2 (50 %), 2.2 (55 %) .. 4 (75 %) and so on. */
export function percentileTick(i: number): number {
  const halvings = Math.floor(i / TICKS_PER_HALF_DISTANCE);
  const step = i % TICKS_PER_HALF_DISTANCE;
  return 2 ** halvings / (1 - step / (2 * TICKS_PER_HALF_DISTANCE));
}
