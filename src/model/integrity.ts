/**
 * Whether any order or any money was lost: what is looked at, and what came out. Money is whole cents; instants are Unix
 * epoch milliseconds.
 * @module
 */
import type { AcknowledgedOrder, ForeignRead } from "./load.ts";

/** What must be true of the system under test once it has come to rest. */
export const INVARIANTS = [
  /** Every order that a client was told of is in the primary, its tenant's, and paid if it was said to be. */
  "acknowledged_in_primary",
  /** And reaches the replica. */
  "acknowledged_on_replica",
  /** No money was taken without an order. */
  "charge_has_order",
  "paid_has_charge",
  /** No order has two charges, under whatever keys. */
  "charged_once",
  /** A charge is of its order's amount, and its tenant's. */
  "charged_right_amount",
  "failed_not_charged",
  /** No order is pending for longer than its bound. */
  "pending_settled",
  "one_lease_holder",
  /** A read brought the order that was asked for, and the tenant's own. */
  "reads_own_tenant",
] as const;
export type Invariant = (typeof INVARIANTS)[number];

/** A row of the orders table. */
export interface OrderFact {
  id: string;
  tenant_id: string;
  status: "pending" | "paid" | "failed";
  amount_cents: number;
  /** By the database's clock. */
  created_at_ms: number;
  updated_at_ms: number;
}

/** A charge as payments has it in its ledger. */
export interface ChargeFact {
  /** Position in the ledger: grows with every charge. */
  rowid: number;
  /** Idempotency key. */
  key: string;
  order_id: string;
  tenant_id: string;
  amount_cents: number;
  /** By the clock of payments. */
  created_at_ms: number;
}

/** What one node said of its lease. */
export interface LeaseSample {
  /** When the answer came. */
  t: number;
  /** When it was asked for, where that is known: the node looked at its lease between the two. */
  asked?: number;
  node: string;
  held: boolean;
  /** Fencing token: grows with every acquisition. */
  token: number;
}

/** What could not be collected is null, and `problems` says why: nothing is known of it. */
export interface IntegrityFacts {
  /** Orders made since the run began. */
  primary: OrderFact[] | null;
  /** The same on the replica, once it has replayed what the primary had. */
  replica: OrderFact[] | null;
  /** Charges made since the run began. */
  charges: ChargeFact[] | null;
  /** What the client was told. */
  acknowledged: AcknowledgedOrder[] | null;
  foreign_reads: ForeignRead[] | null;
  /** How many reads the client checked; null: not counted. */
  reads: number | null;
  /** In the order of their time, or not. */
  leases: LeaseSample[] | null;
  /** When the orders were first and last read, by the primary's clock. */
  read_at_ms: number;
  collected_at_ms: number;
  /** When the fault was gone; null: there was none. An order that was pending then has its bound from there on. */
  recovered_at_ms: number | null;
  /** For how long an order may be pending, and a charge without its order, in seconds. */
  pending_bound_s: number;
  /** Each begins with the source's name: `ledger: connection refused`. */
  problems: string[];
}

/** `unknown`: something it takes could not be read, or is not decided yet. */
export type InvariantState = "holds" | "violated" | "unknown";

export interface InvariantOutcome {
  invariant: Invariant;
  state: InvariantState;
  /** How many orders, charges, samples or reads were looked at. */
  checked: number;
  violations: number;
  /** Of the first 20: orders, of leases the nodes with their tokens. */
  ids: string[];
  /** In words. */
  detail: string;
}

export interface IntegrityReport {
  /** One per invariant, in the order of {@link INVARIANTS}. */
  outcomes: InvariantOutcome[];
  /** Over all invariants. */
  violations: number;
}
