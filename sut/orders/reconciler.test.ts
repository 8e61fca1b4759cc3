import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { DependencyError } from "../common/dependency.ts";
import { Log } from "../common/log.ts";
import { Metrics } from "../common/metrics.ts";
import { PgPool } from "../common/postgres.ts";
import { migrate } from "../migrate/migrate.ts";
import { type Mitigation, Mitigations } from "../resilience/mitigations.ts";
import { PostgresServer, postgresBin } from "../testing/postgres-server.ts";
import { until } from "../testing/until.ts";
import type { Charge, ChargeResult } from "./dependencies.ts";
import { Reconciler } from "./reconciler.ts";

/** What payments says to each order; the shop's own tests have the real one. */
type Provider = (charge: Charge) => ChargeResult;

describe.skipIf(postgresBin === null)("the reconciler on a real server", () => {
  const server = new PostgresServer();
  const pool = new PgPool("pg_primary", server.url, 4, "test", new Metrics("test"));
  const running: Reconciler[] = [];

  beforeAll(async () => {
    server.create();
    server.start();
    await migrate({ PG_PRIMARY_URL: server.url, SEED_ORDERS: "0", SEED_PRODUCTS: "1", TENANTS: "1" });
  });
  beforeEach(() => pool.query((sql) => sql`truncate orders, leases`));
  afterEach(() => Promise.all(running.splice(0).map((each) => each.stop())));
  afterAll(async () => {
    await pool.close();
    server.remove();
  });

  /** Pending orders made `agoMs` before, oldest first. */
  const pending = async (count: number, agoMs: number) => {
    await pool.query(
      (sql) => sql`
        insert into orders (id, tenant_id, product_id, quantity, amount_cents, status, created_at, updated_at)
        select 'o-' || lpad(i::text, 3, '0'), 'tenant-01', 'p-0000', 1, 100, 'pending', at, at
        from generate_series(1, ${count}) i
        cross join lateral (select now() - ${agoMs} * interval '1 ms' + i * interval '1 us' as at) made`,
    );
  };
  const statuses = async () => {
    const rows = await pool.query(
      (sql) => sql<{ status: string; count: number }[]>`select status, count(*)::int from orders group by 1`,
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  };

  function start(holder: string, provider: Provider, on: Mitigation[] = []) {
    const metrics = new Metrics(holder);
    const asked: string[] = [];
    const settle = async (charge: Charge) => {
      asked.push(charge.order_id);
      return provider(charge);
    };
    const reconciler = new Reconciler({
      primary: pool,
      payments: { settle },
      mitigations: new Mitigations(on),
      metrics,
      log: new Log(holder, () => {}),
      holder,
    });
    running.push(reconciler);
    reconciler.start();
    const value = async (name: string) =>
      (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value;
    return { reconciler, asked, value };
  }

  test.each([[[]], [["timeout", "safe_clocks"]]] as [Mitigation[]][])(
    "old pending orders are settled once each, by one of two replicas; young ones are left alone (%p)",
    async (on) => {
      await pending(100, 60_000);
      await pool.query(
        (sql) => sql`update orders set created_at = now() + interval '1 h' where id = 'o-100'`,
      );
      const replicas = [start("a", () => "charged", on), start("b", () => "charged", on)];
      await until(async () => (await statuses()).paid === 99, "99 to be paid");
      expect(await statuses()).toEqual({ paid: 99, pending: 1 });
      const asked = replicas.flatMap((each) => each.asked);
      expect(asked).toHaveLength(99);
      expect(new Set(asked).size).toBe(99);
      const held = await Promise.all(replicas.map((each) => each.value("chaoslab_lease_held")));
      expect(held.toSorted()).toEqual([0, 1]);
    },
  );

  test("one refused for good is failed, one charged before is paid, and both are counted by what they were", async () => {
    await pending(2, 60_000);
    const { value } = start("a", ({ order_id }) => (order_id === "o-001" ? "refused" : "found"));
    await until(async () => (await statuses()).pending === undefined, "none to be pending");
    expect(await statuses()).toEqual({ paid: 1, failed: 1 });
    expect(await value("chaoslab_orders_pending")).toBe(0);
  });

  test("while payments gives no answer, it is asked once a second, and one that never works holds up no other", async () => {
    await pending(60, 60_000);
    const down = () => {
      throw new DependencyError("payments", "error", "status 503");
    };
    let works = false;
    const { asked, value } = start("a", ({ order_id }) =>
      works && order_id !== "o-001" ? "charged" : down(),
    );
    await until(() => asked.length === 2, "the second try");
    expect(await value("chaoslab_orders_pending")).toBe(60);
    works = true;
    await until(async () => (await statuses()).paid === 59, "59 to be paid");
    expect(await statuses()).toEqual({ paid: 59, pending: 1 });
  });

  test("a replica that stops lets go of the lease, so that another goes on at once", async () => {
    const first = start("a", () => "charged", ["safe_clocks"]);
    await until(async () => (await first.value("chaoslab_lease_held")) === 1, "the lease");
    const second = start("b", () => "charged", ["safe_clocks"]);
    const startedMs = performance.now();
    await first.reconciler.stop();
    await until(async () => (await second.value("chaoslab_lease_held")) === 1, "the lease at the other");
    // Well before the lease would have run out.
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(await second.value("chaoslab_lease_token")).toBe(2);
  });
});
