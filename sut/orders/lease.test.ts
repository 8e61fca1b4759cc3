import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Metrics } from "../common/metrics.ts";
import { PgPool } from "../common/postgres.ts";
import { migrate } from "../migrate/migrate.ts";
import { type Mitigation, Mitigations } from "../resilience/mitigations.ts";
import { PostgresServer, postgresBin } from "../testing/postgres-server.ts";
import { LEASE_MS, Lease } from "./lease.ts";
import { settle } from "./store.ts";

describe.skipIf(postgresBin === null)("a lease on a real server", () => {
  const server = new PostgresServer();
  const pool = new PgPool("pg_primary", server.url, 4, "test", new Metrics("test"));
  const clock = { offsetMs: 0 };

  beforeAll(async () => {
    server.create();
    server.start();
    await migrate({ PG_PRIMARY_URL: server.url, SEED_ORDERS: "1", SEED_PRODUCTS: "1", TENANTS: "1" });
  });
  beforeEach(async () => {
    clock.offsetMs = 0;
    await pool.query((sql) => sql`delete from leases`);
  });
  afterAll(async () => {
    await pool.close();
    server.remove();
  });

  const bare = new Mitigations();
  const safe = new Mitigations(["safe_clocks"]);
  /** A replica; `skewed` ones have a wall clock that is off by clock.offsetMs. */
  const replica = (name: string, mitigations: Mitigations, skewed = false) =>
    new Lease("reconciler", name, pool.query, mitigations, () => Date.now() + (skewed ? clock.offsetMs : 0));
  /** As if nobody had renewed it for its whole time. */
  const runOut = () =>
    pool.query((sql) => sql`update leases set expires_at = expires_at - ${LEASE_MS} * interval '1 ms'`);

  test.each([[[]], [["safe_clocks"]]] as [Mitigation[]][])(
    "of two replicas one holds it, and the other gets it when it ran out or was let go, with the next token (%p)",
    async (on) => {
      const mitigations = new Mitigations(on);
      const [a, b] = [replica("a", mitigations), replica("b", mitigations)];
      await Promise.all([a.renew(), b.renew()]);
      const [holder, other] = a.held ? [a, b] : [b, a];
      expect([holder.held, holder.token, other.held]).toEqual([true, 1, false]);
      await Promise.all([holder.renew(), other.renew()]);
      expect([holder.held, holder.token, other.held]).toEqual([true, 1, false]);
      await runOut();
      await other.renew();
      expect([other.held, other.token]).toEqual([true, 2]);
      await holder.renew();
      expect(holder.held).toBeFalse();
      await other.release();
      expect(other.held).toBeFalse();
      await holder.renew();
      expect([holder.held, holder.token]).toEqual([true, 3]);
    },
  );

  test("one who did not renew it in time does not hold it, whatever nobody told it", async () => {
    const lease = new Lease("reconciler", "a", pool.query, bare, () => Date.now() + clock.offsetMs);
    await lease.renew();
    clock.offsetMs = LEASE_MS - 500;
    expect(lease.held).toBeTrue();
    clock.offsetMs = LEASE_MS;
    expect(lease.held).toBeFalse();
  });

  test("by wall clocks, a replica whose clock is five minutes ahead takes it, and two hold it at once", async () => {
    const [a, b] = [replica("a", bare), replica("b", bare, true)];
    await a.renew();
    clock.offsetMs = 300_000;
    await b.renew();
    expect([a.held, b.held]).toEqual([true, true]);
  });

  test("by wall clocks, one whose clock is five minutes behind keeps it although another has it", async () => {
    const [a, b] = [replica("a", bare, true), replica("b", bare)];
    clock.offsetMs = -300_000;
    await a.renew();
    await b.renew();
    expect([a.held, b.held]).toEqual([true, true]);
  });

  test.each([-300_000, 300_000])(
    "by safe clocks, a wall clock off by %i ms changes nothing",
    async (offsetMs) => {
      const [a, b] = [replica("a", safe), replica("b", safe, true)];
      await a.renew();
      clock.offsetMs = offsetMs;
      await b.renew();
      expect([a.held, b.held]).toEqual([true, false]);
      await a.release();
      await b.renew();
      expect([a.held, b.held]).toEqual([false, true]);
    },
  );

  test("a write under a token that is no longer the lease's changes nothing", async () => {
    const [a, b] = [replica("a", safe), replica("b", safe)];
    await a.renew();
    const stale = { name: "reconciler", token: a.token };
    await runOut();
    await b.renew();
    const id = "o-0000000";
    const status = async () =>
      (await pool.query((sql) => sql`select status from orders where id = ${id}`))[0]?.status;
    await pool.query((sql) => sql`update orders set status = 'pending' where id = ${id}`);
    await settle(pool.query, [id], "failed", stale);
    expect(await status()).toBe("pending");
    await settle(pool.query, [id], "paid", { name: "reconciler", token: b.token });
    expect(await status()).toBe("paid");
  });
});
