/**
 * Collects what the system under test has of a run: charges from the ledger, orders from the primary and the replica.
 * What is under way when it is read is looked at again until it has settled or is overdue.
 * @module
 */
import type { Lab } from "../../lab/lab.ts";
import type { ChargeFact, IntegrityFacts, LeaseSample, OrderFact } from "../../model/integrity.ts";
import type { ClientRecord } from "../../model/load.ts";
import { isWithinBound } from "./check.ts";
import { Budget, Ledger, Orders, Unread } from "./sources.ts";
import type { IntegrityStart } from "./start.ts";

export { beginIntegrity, type IntegrityStart, sinceBoot } from "./start.ts";

/** Between two looks at what has not settled: from the first to the longest. */
const LOOK_AGAIN_MS = [50, 1_000] as const;
/** For the replica to replay what the primary had. */
const REPLAY_MS = 10_000;
/** Charges looked up one by one: those that were made before the run for an order that was committed in it. */
const MOST_LOOKUPS = 200;

export interface CollectOptions {
  /** For how long an order may be pending, and a charge without its order. */
  pendingBoundS: number;
  /** How long it may wait for things to settle: what has not by then stays undecided. Reading takes what it takes. */
  deadlineMs: number;
  signal?: AbortSignal;
  /** Unix epoch milliseconds: when the fault was gone. Bounds of what came before count from there. */
  recoveredAtMs?: number | null;
  /** What the client was told, and how many reads it checked. */
  client?: (ClientRecord & { reads?: number }) | null;
  leases?: LeaseSample[] | null;
}

/**
 * What there is of a run, as {@link IntegrityFacts}. A source that cannot be read is null in it, with the reason in
 * `problems`; only `signal` makes this throw.
 */
export async function collectIntegrity(
  lab: Lab,
  start: IntegrityStart,
  options: CollectOptions,
): Promise<IntegrityFacts> {
  const budget = new Budget(options.deadlineMs, options.signal);
  await using primary = new Orders("primary", lab, budget);
  await using replica = new Orders("replica", lab, budget);
  return await new Collection(new Ledger(lab, budget), primary, replica, budget, start, options).collect();
}

/** One cut through a system that may be at work: what was there at the first look, and what became of it. */
class Collection {
  readonly #facts: IntegrityFacts;
  readonly #orders = new Map<string, OrderFact>();
  readonly #charged = new Set<string>();
  /** Orders that a charge or the client knows of and the primary does not. */
  readonly #missing = new Set<string>();
  #position: number;

  constructor(
    private readonly ledger: Ledger,
    private readonly primary: Orders,
    private readonly replica: Orders,
    private readonly budget: Budget,
    private readonly start: IntegrityStart,
    { pendingBoundS, recoveredAtMs, client, leases }: CollectOptions,
  ) {
    this.#position = start.ledger;
    this.#facts = {
      primary: null,
      replica: null,
      charges: null,
      acknowledged: client?.acknowledged ?? null,
      foreign_reads: client?.foreign_reads ?? null,
      reads: client?.reads ?? null,
      leases: leases ?? null,
      read_at_ms: Date.now(),
      collected_at_ms: Date.now(),
      recovered_at_ms: recoveredAtMs ?? null,
      pending_bound_s: pendingBoundS,
      problems: [],
    };
  }

  async collect(): Promise<IntegrityFacts> {
    const facts = this.#facts;
    const charges = await this.#reading(() => this.ledger.after(this.#position));
    facts.charges = charges && this.#taken(charges);
    const isRead = await this.#reading(() => this.#readPrimary());
    if (isRead) {
      facts.primary = [...this.#orders.values()];
      facts.replica = await this.#reading(() => this.#readReplica());
    } else
      facts.problems.push("replica: the primary could not be read, so nothing tells how far it should be");
    return facts;
  }

  /** Null when the source could not be read. */
  async #reading<T>(read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      this.#facts.problems.push(error.message);
      return null;
    }
  }

  async #readPrimary(): Promise<boolean> {
    const facts = this.#facts;
    for (const order of await this.primary.since(this.start.transaction, this.start.pending))
      this.#orders.set(order.id, order);
    facts.read_at_ms = await this.primary.now();
    facts.collected_at_ms = facts.read_at_ms;
    for (const { order_id } of facts.charges ?? []) this.#missing.add(order_id);
    for (const { id } of facts.acknowledged ?? []) this.#missing.add(id);
    for (const id of this.#orders.keys()) this.#missing.delete(id);
    await this.#lookAgainAt([...this.#missing]);
    await this.#settle();
    await this.#findCharges();
    return true;
  }

  /** Waits for what is under way, until there is nothing left of it or it is overdue. */
  async #settle(): Promise<void> {
    let pauseMs: number = LOOK_AGAIN_MS[0];
    for (;;) {
      const ids = this.#underWay();
      if (ids.length === 0 || this.budget.leftMs === 0) return;
      await this.budget.sleep(pauseMs);
      await this.#lookAgainAt(ids);
      pauseMs = Math.min(pauseMs * 2, LOOK_AGAIN_MS[1]);
    }
  }

  /** Orders pending, and orders of charges that are not there yet: within their bound. */
  #underWay(): string[] {
    const facts = this.#facts;
    const isOpen = (createdAtMs: number): boolean => isWithinBound(createdAtMs, facts.collected_at_ms, facts);
    const ids = new Set<string>();
    for (const { id, status, created_at_ms } of this.#orders.values())
      if (status === "pending" && isOpen(created_at_ms)) ids.add(id);
    for (const { order_id, created_at_ms } of facts.charges ?? [])
      if (this.#missing.has(order_id) && isOpen(created_at_ms)) ids.add(order_id);
    return [...ids];
  }

  async #lookAgainAt(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const order of await this.primary.find(ids)) {
      this.#orders.set(order.id, order);
      this.#missing.delete(order.id);
    }
    this.#facts.collected_at_ms = await this.primary.now();
  }

  /** Charges made since the ledger was read, of the orders that were read since; and such as were made before the run. */
  async #findCharges(): Promise<void> {
    const { charges } = this.#facts;
    if (charges === null) return;
    const uncharged = (): string[] =>
      [...this.#orders.values()].flatMap(({ id, status }) =>
        status === "paid" && !this.#charged.has(id) ? [id] : [],
      );
    const isOurs = ({ order_id }: ChargeFact): boolean =>
      this.#orders.has(order_id) || this.#missing.has(order_id);
    const isRead = await this.#reading(async () => {
      charges.push(...this.#taken((await this.ledger.after(this.#position)).filter(isOurs)));
      const ids = uncharged().slice(0, MOST_LOOKUPS);
      const found = await Promise.all(ids.map((id) => this.ledger.find(id)));
      charges.push(...this.#taken(found.filter((charge) => charge !== null)));
      return true;
    });
    // An older look at the ledger would accuse the orders that were paid since.
    if (!isRead) this.#facts.charges = null;
  }

  #taken(charges: ChargeFact[]): ChargeFact[] {
    for (const { order_id, rowid } of charges) {
      this.#charged.add(order_id);
      this.#position = Math.max(this.#position, rowid);
    }
    return charges;
  }

  /** What the replica has of the primary's orders and the client's, once it has replayed what the primary had. */
  async #readReplica(): Promise<OrderFact[]> {
    const [at] = await this.primary.ask(
      (sql) => sql<{ lsn: string }[]>`select pg_current_wal_flush_lsn()::text as lsn`,
    );
    await this.#replayed(at?.lsn ?? "0/0");
    const orders = await this.replica.since(this.start.transaction, this.start.pending);
    const there = new Set(orders.map(({ id }) => id));
    const wanted = [...this.#orders.keys(), ...(this.#facts.acknowledged ?? []).map(({ id }) => id)];
    const others = [...new Set(wanted)].filter((id) => !there.has(id));
    return [...orders, ...(await this.replica.find(others))];
  }

  async #replayed(lsn: string): Promise<void> {
    const until = performance.now() + Math.min(REPLAY_MS, this.budget.leftMs);
    for (;;) {
      const [row] = await this.replica.ask(
        (sql) =>
          sql<{ there: boolean | null }[]>`select pg_last_wal_replay_lsn() >= ${lsn}::text::pg_lsn as there`,
      );
      if (row?.there) return;
      if (performance.now() >= until) {
        this.#facts.problems.push(`replica: has not replayed ${lsn} in ${REPLAY_MS / 1_000} s`);
        return;
      }
      await this.budget.sleep(LOOK_AGAIN_MS[0]);
    }
  }
}
