/**
 * Holds what the client was told, what the ledger charged and what the databases have against each other. Pure.
 * @module
 */
import {
  INVARIANTS,
  type IntegrityFacts,
  type IntegrityReport,
  type Invariant,
  type InvariantOutcome,
} from "../../model/integrity.ts";
import { type JoinedFacts, join } from "./join.ts";
import { doubleHolders } from "./leases.ts";

const MOST_IDS = 20;

type Instants = Pick<IntegrityFacts, "read_at_ms" | "recovered_at_ms" | "pending_bound_s">;

/**
 * Whether something begun then may still be under way at `nowMs`. What a skewed clock dates to after it was read was there
 * by then, and while the system was broken nothing had to settle.
 */
export function isWithinBound(createdAtMs: number, nowMs: number, instants: Instants): boolean {
  const from = Math.max(Math.min(createdAtMs, instants.read_at_ms), instants.recovered_at_ms ?? 0);
  return nowMs < from + instants.pending_bound_s * 1_000;
}

/** Counts what is wrong, by the reason why. */
class Finding {
  checked = 0;
  violations = 0;
  undecided = 0;
  readonly ids: string[] = [];
  readonly #reasons = new Map<string, number>();

  violation(id: string, reason: string): void {
    this.violations++;
    if (this.ids.length < MOST_IDS) this.ids.push(id);
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  /** `3 not in the primary, 1 of another tenant` */
  get reasons(): string {
    return [...this.#reasons].map(([reason, count]) => `${count} ${reason}`).join(", ");
  }
}

/** What an invariant takes; `of` what is looked at, for people. */
interface Rule {
  sources: readonly Source[];
  of: string;
  /** @param joined what a rule does not name as a source may be missing in it. */
  look(finding: Finding, joined: JoinedFacts, facts: IntegrityFacts): void;
}

const SOURCES = {
  primary: "primary",
  replica: "replica",
  charges: "ledger",
  acknowledged: "client",
  foreign_reads: "client",
  leases: "leases",
} as const;
type Source = keyof typeof SOURCES;

const RULES: Readonly<Record<Invariant, Rule>> = {
  acknowledged_in_primary: {
    sources: ["acknowledged", "primary"],
    of: "acknowledged orders",
    look(finding, { acknowledged }) {
      for (const [{ id, tenant, status }, { primary }] of acknowledged) {
        finding.checked++;
        if (!primary) finding.violation(id, "not in the primary");
        else if (primary.tenant_id !== tenant) finding.violation(id, "of another tenant");
        else if (status === "paid" && primary.status !== "paid")
          finding.violation(id, `acknowledged as paid and ${primary.status}`);
      }
    },
  },
  acknowledged_on_replica: {
    sources: ["acknowledged", "replica"],
    of: "acknowledged orders",
    look(finding, { acknowledged }) {
      for (const [{ id, tenant }, { primary, replica }] of acknowledged) {
        finding.checked++;
        if (!replica) finding.violation(id, "not on the replica");
        else if (replica.tenant_id !== tenant) finding.violation(id, "of another tenant");
        else if (primary?.status === "paid" && replica.status !== "paid")
          finding.violation(id, `paid in the primary and ${replica.status} on the replica`);
      }
    },
  },
  charge_has_order: {
    sources: ["charges", "primary"],
    of: "charges",
    look(finding, { charges }, facts) {
      for (const [{ order_id, created_at_ms }, { primary }] of charges) {
        finding.checked++;
        if (primary) continue;
        if (isWithinBound(created_at_ms, facts.collected_at_ms, facts)) finding.undecided++;
        else finding.violation(order_id, "charged without an order");
      }
    },
  },
  paid_has_charge: {
    sources: ["primary", "charges"],
    of: "paid orders",
    look(finding, { orders }) {
      for (const { id, primary, charges } of orders) {
        if (primary?.status !== "paid") continue;
        finding.checked++;
        if (charges === 0) finding.violation(id, "paid without a charge");
      }
    },
  },
  charged_once: {
    sources: ["charges"],
    of: "orders with a charge",
    look(finding, { orders }) {
      for (const { id, charges } of orders) {
        if (charges === 0) continue;
        finding.checked++;
        if (charges > 1) finding.violation(id, charges === 2 ? "charged twice" : `charged ${charges} times`);
      }
    },
  },
  charged_right_amount: {
    sources: ["charges", "primary"],
    of: "charges of an order",
    look(finding, { charges }) {
      for (const [{ order_id, tenant_id, amount_cents }, { primary }] of charges) {
        if (!primary) continue;
        finding.checked++;
        if (amount_cents !== primary.amount_cents) finding.violation(order_id, "of another amount");
        else if (tenant_id !== primary.tenant_id) finding.violation(order_id, "charged to another tenant");
      }
    },
  },
  failed_not_charged: {
    sources: ["primary", "charges"],
    of: "failed orders",
    look(finding, { orders }) {
      for (const { id, primary, charges } of orders) {
        if (primary?.status !== "failed") continue;
        finding.checked++;
        if (charges > 0) finding.violation(id, "failed and charged");
      }
    },
  },
  pending_settled: {
    sources: ["primary"],
    of: "orders",
    look(finding, { orders }, facts) {
      for (const { id, primary } of orders) {
        if (!primary) continue;
        finding.checked++;
        if (primary.status !== "pending") continue;
        if (isWithinBound(primary.created_at_ms, facts.collected_at_ms, facts)) finding.undecided++;
        else finding.violation(id, `pending for longer than ${facts.pending_bound_s} s`);
      }
    },
  },
  one_lease_holder: {
    sources: ["leases"],
    of: "samples",
    look(finding, _, facts) {
      finding.checked = facts.leases?.length ?? 0;
      for (const { node, token, other, otherToken } of doubleHolders(facts.leases ?? []))
        finding.violation(`${node}/${token} ${other}/${otherToken}`, "held by two nodes at once");
    },
  },
  reads_own_tenant: {
    sources: ["foreign_reads"],
    of: "reads",
    look(finding, _, facts) {
      const { foreign_reads, reads } = facts;
      finding.checked = reads ?? foreign_reads?.length ?? 0;
      for (const { asked, tenant, got_tenant } of foreign_reads ?? []) {
        const isForeign = got_tenant !== null && got_tenant !== tenant;
        finding.violation(
          asked,
          isForeign ? "answered with another tenant's order" : "answered with another order",
        );
      }
    },
  },
};

/** Why an invariant cannot be judged; null when all it takes is there. */
function missing({ sources }: Rule, facts: IntegrityFacts): string | null {
  const lacking = [
    ...new Set(sources.filter((source) => facts[source] === null).map((each) => SOURCES[each])),
  ];
  if (lacking.length === 0) return null;
  const why = lacking.map(
    (name) => facts.problems.find((problem) => problem.startsWith(`${name}: `)) ?? `${name}: not recorded`,
  );
  return why.join("; ");
}

function outcomeOf(invariant: Invariant, facts: IntegrityFacts, joined: JoinedFacts): InvariantOutcome {
  const rule = RULES[invariant];
  const lacking = missing(rule, facts);
  if (lacking !== null)
    return { invariant, state: "unknown", checked: 0, violations: 0, ids: [], detail: lacking };
  const finding = new Finding();
  rule.look(finding, joined, facts);
  const { checked, violations, undecided, ids } = finding;
  const common = { invariant, checked, violations, ids };
  if (violations > 0) return { ...common, state: "violated", detail: finding.reasons };
  // A lease that nobody reported may have had two holders.
  if (invariant === "one_lease_holder" && checked === 0)
    return { ...common, state: "unknown", detail: "leases: no node reported one" };
  if (undecided > 0) {
    const detail = `${undecided} of ${checked} ${rule.of} not settled yet, and not overdue`;
    return { ...common, state: "unknown", detail };
  }
  const isCounted = invariant !== "reads_own_tenant" || facts.reads !== null;
  return { ...common, state: "holds", detail: isCounted ? `${checked} ${rule.of}` : "no wrong one" };
}

/** One outcome per invariant. What was not collected makes its invariants `unknown`: they never hold for want of facts. */
export function checkIntegrity(facts: IntegrityFacts): IntegrityReport {
  const joined = join(facts);
  const outcomes = INVARIANTS.map((invariant) => outcomeOf(invariant, facts, joined));
  return { outcomes, violations: outcomes.reduce((sum, { violations }) => sum + violations, 0) };
}

/** Each violated invariant on one line, with the first of its ids. */
export function violationsInWords({ outcomes }: IntegrityReport): string[] {
  return outcomes
    .filter(({ state }) => state === "violated")
    .map(({ invariant, detail, ids, violations }) => {
      const more = violations > ids.length ? `, and ${violations - ids.length} more` : "";
      return `${invariant}: ${detail}: ${ids.join(", ")}${more}`;
    });
}
