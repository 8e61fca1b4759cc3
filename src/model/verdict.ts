/**
 * The verdict: what a run says about one hypothesis. Names without a unit are fixed by the data model:
 * `baseline_p99` and `fault_p99` are milliseconds, rates are shares of 1.
 * @module
 */
import type { FaultEvent } from "./fault.ts";
import type { Operation } from "./load.ts";
import type { Comparison, SliName } from "./sli.ts";

/**
 * `held`: stayed inside the SLO. `degraded`: left it and recovered. `failed`: the failure cascaded, or the system
 * did not recover. `inconclusive`: the experiment proves nothing, for the reasons given.
 */
export const RESULTS = ["held", "degraded", "inconclusive", "failed"] as const;
export type Result = (typeof RESULTS)[number];

/** One SLI in the three phases, against its bounds. Values are null where no request arrived. */
export interface SliOutcome {
  sli: SliName;
  unit: "share" | "ms";
  baseline: number | null;
  fault: number | null;
  /** Over the time from recovery to the end of observation; over all of it where there was no recovery. */
  recovered: number | null;
  steady_bound: { comparison: Comparison; value: number };
  fault_bound: { comparison: Comparison; value: number };
  baseline_in_bound: boolean;
  fault_in_bound: boolean;
}

/** How one bounded pool fared while the fault was active. */
export interface PoolOutcome {
  node: string;
  pool: string;
  size: number;
  baseline_peak_in_use: number;
  fault_peak_in_use: number;
  fault_peak_waiting: number;
  /** Longest run of consecutive samples (1 Hz) with every slot in use and somebody waiting, in seconds. */
  exhausted_s: number;
}

export interface Verdict {
  hypothesis: string;
  sli: SliName;
  result: Result;
  /** Why the result is what it is, in words; never empty. */
  reasons: string[];
  /** p99 latency in milliseconds of the operation the hypothesis is about, unanswered requests ranked above all answered. */
  baseline_p99: number | null;
  fault_p99: number | null;
  /** Share of requests of that operation that failed while the fault was active. */
  fault_err_rate: number | null;
  /** Endpoints with an SLI out of its bound while the fault was active. */
  blast_radius_endpoints: Operation[];
  /** Seconds from the fault's removal until every SLI is back and stays back; 0 when none had left, null when not seen. */
  mttr_s: number | null;
  backend: string | null;
  fault_event: FaultEvent | null;
  /** Set when the stop condition ended the fault early. */
  stopped_by: { sli: SliName; after_s: number } | null;
  slis: SliOutcome[];
  pools: PoolOutcome[];
  load: {
    requests: number;
    offered_rps: number;
    /** The client's timeout: a latency quantile of this value means that long or longer. */
    timeout_ms: number;
    dropped: number;
    slip_p99_ms: number;
    generator_saturated: boolean;
  };
  /** Phases in whole seconds of the load, ends exclusive. */
  phases: { baseline: [number, number]; fault: [number, number] | null; recovery: [number, number] | null };
}
