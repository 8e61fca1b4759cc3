/**
 * What is recorded of one run of one hypothesis, line by line as it happens: `history-<hypothesis>.ndjson`. Everything that
 * a verdict says is computed from these lines and the schedule. Times `t` are Unix epoch milliseconds, phases are in
 * whole arrival seconds of the load.
 * @module
 */
import type { FaultEvent } from "./fault.ts";
import type { IntegrityFacts } from "./integrity.ts";
import type { LoadRecord } from "./load.ts";
import type { Mitigation } from "./mitigations.ts";
import type { NodeAfter, Stopped } from "./verdict.ts";

/** What one node's metrics said: only the samples that are not as they were in its scrape before. */
export interface ScrapeRecord {
  kind: "scrape";
  /** When it was asked for, and when it answered. */
  asked: number;
  t: number;
  node: string;
  /** By name and labels as the node wrote them, its own label left out. Null: no longer there. */
  samples: Record<string, number | null>;
}

/** An SLI that a Prometheus server answered. */
export interface AnswerRecord {
  kind: "answer";
  t: number;
  sli: string;
  value: number | null;
}

export interface PhaseRecord {
  kind: "phase";
  phase: "baseline" | "fault" | "recovery";
  from: number;
  to: number;
}

/** When a fault came into force, and again when it was gone. */
export interface FaultRecord {
  kind: "fault";
  event: FaultEvent;
}

/** The decision to take the faults back. */
export interface RevertRecord {
  kind: "revert";
  t: number;
}

export type StoppedRecord = { kind: "stopped" } & Stopped;

export interface NodesRecord {
  kind: "nodes";
  t: number;
  nodes: NodeAfter[];
}

/** What the system under test ran with. */
export interface SystemRecord {
  kind: "system";
  mitigations: Mitigation[];
}

/** What the ledger and the databases had once it was over; what the client saw is in the load's own records. */
export interface IntegrityRecord {
  kind: "integrity";
  facts: Omit<IntegrityFacts, "acknowledged" | "foreign_reads" | "reads" | "leases">;
}

export type HistoryRecord =
  | LoadRecord
  | ScrapeRecord
  | AnswerRecord
  | PhaseRecord
  | FaultRecord
  | RevertRecord
  | StoppedRecord
  | SystemRecord
  | IntegrityRecord
  | NodesRecord;
