/**
 * A lease on a name: of all replicas, one holds it at a time, until it lets go or stops renewing it.
 *
 * It lives in the primary's database, where the writes are that it protects: one transaction can check the one and do the
 * other, the server's clock is one clock for all holders, and without that server there would be nothing to write anyway.
 *
 * Its time goes by each replica's wall clock, as it was first written; with the mitigation `safe_clocks` by the server's
 * clock for all that is compared between replicas, and by the monotonic clock for what a holder thinks of itself.
 * @module
 */
import type { Run } from "../common/pg-connection.ts";
import type { Mitigations } from "../resilience/mitigations.ts";

/** A holder that is gone is replaced after this. */
export const LEASE_MS = 5_000;

export class Lease {
  /** Grows by one with each change of holder: what an earlier holder still writes can be told from it. */
  #token = 0;
  #endsWallMs = 0;
  #endsMonotonicMs = 0;

  /** @param holder unique to this process: a restarted one is another holder. */
  constructor(
    private readonly name: string,
    private readonly holder: string,
    private readonly run: Run,
    private readonly mitigations: Mitigations,
    private readonly wallMs: () => number = Date.now,
  ) {}

  get token(): number {
    return this.#token;
  }

  /** What this replica believes: with a wrong clock it may be wrong. */
  get held(): boolean {
    if (this.#safe) return performance.now() < this.#endsMonotonicMs;
    return this.wallMs() < this.#endsWallMs;
  }

  /** Takes the lease where it is free or run out, and renews it where it is this replica's. @throws DependencyError */
  async renew(): Promise<void> {
    // From before the question: the server counts from when it gets it.
    const monotonicMs = performance.now();
    const wallMs = this.wallMs();
    const [row] = await this.run((sql) => {
      const now = this.#safe ? sql`clock_timestamp()` : sql`${new Date(wallMs)}::timestamptz`;
      return sql<{ token: string }[]>`
        insert into leases (name, holder, token, expires_at)
        values (${this.name}, ${this.holder}, 1, ${now} + make_interval(secs => ${LEASE_MS / 1_000}))
        on conflict (name) do update set
          holder = excluded.holder,
          token = leases.token + (leases.holder <> excluded.holder or leases.expires_at <= ${now})::int,
          expires_at = excluded.expires_at
        where leases.holder = excluded.holder or leases.expires_at <= ${now}
        returning token`;
    });
    if (!row) return this.#lose();
    this.#token = Number(row.token);
    this.#endsWallMs = wallMs + LEASE_MS;
    this.#endsMonotonicMs = monotonicMs + LEASE_MS;
  }

  /** Lets another replica take it at once. @throws DependencyError */
  async release(): Promise<void> {
    if (!this.held) return;
    this.#lose();
    await this.run(
      (sql) => sql`
        update leases set expires_at = '-infinity' where name = ${this.name} and holder = ${this.holder}`,
    );
  }

  #lose(): void {
    this.#endsWallMs = 0;
    this.#endsMonotonicMs = 0;
  }

  get #safe(): boolean {
    return this.mitigations.on("safe_clocks");
  }
}
