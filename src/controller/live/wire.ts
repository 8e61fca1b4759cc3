/**
 * What the live page is told, as JSON. Types alone: the page's script imports them too. Times are Unix epoch
 * milliseconds of the controller's clock.
 * @module
 */
import type { ShopOperation } from "../../model/load.ts";
import type { Result } from "../../model/verdict.ts";

/** A quantile as a histogram tells it: at most `ms`, or, if `over`, above that, which is the last bound. */
export interface Bound {
  ms: number;
  over: boolean;
}

/** What the api answered in one second. */
export interface OperationSecond {
  /** Requests per second. */
  rate: number;
  /** Share answered in 5xx; null when none was answered. */
  error_rate: number | null;
  p50: Bound | null;
  p99: Bound | null;
}

export interface Second {
  t: number;
  /** Null when it is not known: the api gave no metrics, or was started since the last time. */
  operations: Record<ShopOperation, OperationSecond> | null;
}

export interface PoolView {
  pool: string;
  size: number;
  in_use: number;
  waiting: number;
}

export type BreakerState = "closed" | "half-open" | "open";

/** A service's calls of one dependency. */
export interface CallsView {
  dependency: string;
  /** Calls, and attempts after the first of a call, per second; null when it is not known. */
  calls_per_s: number | null;
  retries_per_s: number | null;
  /** Null while the service has no breaker on. */
  breaker: BreakerState | null;
}

export interface NodeView {
  name: string;
  /** As the supervisor sees it; null when nobody could tell. */
  state: "stopped" | "starting" | "ready" | "backoff" | null;
  restarts: number;
  last_exit: string | null;
  /** What its own metrics say; null for a node that has none, or did not give them in time. */
  metrics: { pools: PoolView[]; calls: CallsView[] } | null;
  /** Whether it is one that has metrics. */
  has_metrics: boolean;
}

export interface FaultView {
  id: string;
  type: string;
  target: string;
  params: Readonly<Record<string, unknown>>;
  backend: string;
  t_start: number;
  /** Null while it is in force. */
  t_stop: number | null;
  /** When it is reverted without being asked; null: its owner decides. */
  lease: number | null;
  /** What is to be said of one that was taken back and is not known to be gone. */
  left: string | null;
}

/** A connection that one node opens to another. */
export interface LinkView {
  caller: string;
  callee: string;
}

/** Event `snapshot`: the first one of a connection. */
export interface Snapshot {
  lab: string;
  /** The controller's clock. */
  now: number;
  /** Every place that a fault may name, the client included. */
  places: readonly string[];
  links: readonly LinkView[];
  /** The last ten minutes. */
  seconds: readonly Second[];
  faults: FaultsEvent;
}

/** Event `tick`: once a second. */
export interface Tick {
  second: Second;
  nodes: NodeView[];
}

/** Event `faults`: whenever one began or ended, whoever injected it. Those in force, and the last ten minutes' others. */
export type FaultsEvent = readonly FaultView[];

/** GET /live/experiments */
export interface ExperimentsView {
  experiments: {
    file: string;
    /** Null when the file is no schedule; `problem` says why. */
    name: string | null;
    problem: string | null;
    last: RunView | null;
  }[];
  /** Newest first. */
  runs: RunView[];
}

export interface RunView {
  run: string;
  schedule: string;
  state: string;
  started_at: string;
  verdicts: { name: string; result: Result }[];
  /** Path of its HTML report; null: it has none. */
  report: string | null;
}

/** GET /live/logs/{node} */
export interface LogView {
  node: string;
  lines: string[];
}

/** A refusal of the controller. */
export interface Refusal {
  error: string;
  field?: string;
  accepted?: readonly string[];
  hint?: string;
}
