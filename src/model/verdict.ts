/**
 * The verdict: what a run says about one hypothesis. Names without a unit are fixed by the data model:
 * `baseline_p99` and `fault_p99` are milliseconds, rates are shares of 1.
 * @module
 */
import type { FaultEvent } from "./fault.ts";
import type { IntegrityReport } from "./integrity.ts";
import type { Operation } from "./load.ts";
import type { Mitigation } from "./mitigations.ts";
import type { Comparison, Unit } from "./sli.ts";
import type { Shift } from "./stats.ts";

/**
 * A lattice, best first: the result of a run is the worst of what its checks find.
 * `held`: stayed inside the SLO. `degraded`: left it and recovered. `inconclusive`: the experiment proves nothing, for the
 * reasons given. `failed`: the failure cascaded, the system did not recover, or an invariant of its data broke.
 */
export const RESULTS = ["held", "degraded", "inconclusive", "failed"] as const;
export type Result = (typeof RESULTS)[number];

/** Place in the lattice: the higher, the worse. */
export const rankOf = (result: Result): number => RESULTS.indexOf(result);

export const worst = (results: readonly Result[]): Result =>
  RESULTS[Math.max(0, ...results.map(rankOf))] ?? "held";

/** What one check found. */
export interface Finding {
  result: Result;
  /** Name of the check, e.g. `baseline_steady`. */
  check: string;
  reason: string;
}

export interface Bound {
  comparison: Comparison;
  value: number;
}

/** One SLI in the three phases, against its bounds. Values are null where there is no data. */
export interface SliOutcome {
  sli: string;
  unit: Unit;
  source: "load" | "metrics" | "prometheus";
  /** Null for a server's SLI. */
  endpoint: Operation | null;
  baseline: number | null;
  fault: number | null;
  /** Over the time from recovery to the end of observation; over all of it where there was no recovery. */
  recovered: number | null;
  steady_bound: Bound;
  fault_bound: Bound;
  baseline_in_bound: boolean;
  fault_in_bound: boolean;
  /** Seconds, each by itself, out of the bound that held at the time, from the fault's begin to the end. */
  out_of_slo_s: number;
  /** Baseline against fault, second by second; null with too few seconds. */
  significance: Shift | null;
}

/** Which tenants felt it, per SLI that left its bound for at least one of them. */
export interface BlastRadius {
  sli: string;
  endpoint: Operation;
  tenants: number;
  tenants_out: number;
  /** tenants_out / tenants. */
  share: number;
  worst_tenant: string;
  worst_value: number | null;
}

/** From the fault's begin to the system being itself again. Null: not seen. */
export interface Mttr {
  /** From the fault's begin to the first second out of a bound; where a stop condition acted, to its decision. */
  detect_s: number | null;
  /** From the decision to revert to the fault's removal. */
  revert_s: number | null;
  /** From the fault's removal until every SLI is back and stays back; 0 when none had left. */
  recover_s: number | null;
}

export interface BudgetOutcome {
  sli: string;
  /** Requests outside of the objective, from the fault's begin to the end of observation. */
  bad: number;
  /** How many the objective allows in the budget's window. */
  allowed: number;
  /** bad / allowed. */
  spent_share: number;
}

/** Attempts downstream per request upstream, over the phase. Null where there was none. */
export interface Amplification {
  /** `orders -> payments`; `client -> payments` is end to end. */
  edge: string;
  baseline: number | null;
  fault: number | null;
}

export interface BreakerOutcome {
  node: string;
  dependency: string;
  /** Seconds in each state while the fault was active, as sampled. */
  closed_s: number;
  half_open_s: number;
  open_s: number;
  /** From the fault's begin to the first sample that was open. */
  opened_after_s: number | null;
  /** Closed at the end of observation. */
  closed_at_end: boolean;
}

export interface LimiterOutcome {
  node: string;
  limiter: string;
  baseline_limit: number | null;
  fault_min_limit: number | null;
  fault_peak_in_flight: number;
  /** Requests turned away while the fault was active. */
  shed: number;
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

/** What ended a fault before its time. `reverted_s` and the others count from the fault's begin. */
export interface Stopped {
  by: "stop_condition" | "error_budget" | "signal";
  sli: string | null;
  /** What was tripped, in words: `read_error_rate > 1 % for 5 s`. */
  condition: string;
  /** When the breach began; null for a signal. */
  breach_from_s: number | null;
  /** When it was decided to revert. */
  after_s: number;
  /** When the last fault was gone. */
  reverted_s: number;
}

/** A node once the observation is over. */
export interface NodeAfter {
  name: string;
  state: string;
  restarts: number;
}

export interface Verdict {
  hypothesis: string;
  /** 1 for the first time this run does it. */
  repeat: number;
  sli: string;
  /** What the system under test ran with. */
  mitigations: Mitigation[];
  result: Result;
  /** What was expected to come out; null: nothing was said. */
  expected: Result[] | null;
  as_expected: boolean | null;
  /** Why the result is what it is, in words, worst first; never empty. */
  reasons: string[];
  findings: Finding[];
  /**
   * p99 latency in milliseconds of the operation the hypothesis is about, unanswered requests ranked above all answered.
   * Null where that is none: a server's SLI of a system that is not the shop.
   */
  baseline_p99: number | null;
  fault_p99: number | null;
  /** Share of requests of that operation that failed while the fault was active; null where there is none. */
  fault_err_rate: number | null;
  /** Endpoints with an SLI out of its bound while the fault was active. */
  blast_radius_endpoints: Operation[];
  blast_radius: BlastRadius[];
  /** Share of tenants that saw any SLI out of its bound. */
  blast_radius_tenants: number;
  /** Seconds from the fault's removal until every SLI is back and stays back; 0 when none had left, null when not seen. */
  mttr_s: number | null;
  mttr: Mttr;
  /** Mechanisms of the faults, e.g. `nfqueue`, in order. */
  backend: string | null;
  /** The first fault, and all of them. */
  fault_event: FaultEvent | null;
  fault_events: FaultEvent[];
  stopped_by: Stopped | null;
  slis: SliOutcome[];
  error_budgets: BudgetOutcome[];
  amplification: Amplification[];
  pools: PoolOutcome[];
  breakers: BreakerOutcome[];
  limiters: LimiterOutcome[];
  /** Null where it was not looked at: without a fault, and of any system but the shop. */
  integrity: IntegrityReport | null;
  nodes_after: NodeAfter[];
  load: {
    /** Its name; null (in verdicts of old: not there) for the built-in mix on the shop. */
    scenario?: string | null;
    requests: number;
    offered_rps: number;
    /** The client's timeout: a latency quantile of this value means that long or longer. */
    timeout_ms: number;
    dropped: number;
    slip_p99_ms: number;
    generator_saturated: boolean;
  };
  /** Phases in whole seconds of the load, ends exclusive. */
  phases: Phases;
}

export interface Phases {
  baseline: [number, number];
  fault: [number, number] | null;
  recovery: [number, number] | null;
}
