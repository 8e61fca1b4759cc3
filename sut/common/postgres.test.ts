import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../testing/free-port.ts";
import { PostgresServer, postgresBin } from "../testing/postgres-server.ts";
import { DependencyError } from "./dependency.ts";
import { Metrics } from "./metrics.ts";
import { PgPool } from "./postgres.ts";

describe.skipIf(postgresBin === null)("PgPool on a real server", () => {
  const server = new PostgresServer();
  const pool = new PgPool("pg_primary", server.url, 4, "test", new Metrics("test"));
  const rows = async () => Number((await pool.query((sql) => sql`select count(*) from t`))[0]?.count);

  beforeAll(async () => {
    server.create();
    server.start();
    await pool.query((sql) => sql`create table t (n integer primary key)`);
  });
  afterAll(async () => {
    await pool.close();
    server.remove();
  });

  test("a transaction commits as a whole or not at all", async () => {
    await pool.transaction(async (run) => {
      await run((sql) => sql`insert into t values (1)`);
      await run((sql) => sql`insert into t values (2)`);
    });
    const failing = pool.transaction(async (run) => {
      await run((sql) => sql`insert into t values (3)`);
      throw new Error("no money");
    });
    await expect(failing).rejects.toThrow("no money");
    await expect(
      pool.transaction((run) => run((sql) => sql`insert into t values (1)`)),
    ).rejects.toMatchObject({
      dependency: "pg_primary",
      outcome: "error",
    });
    expect(await rows()).toBe(2);
  });

  test("a server that dies inside transactions fails them, and the pool works again once it is back", async () => {
    const before = await rows();
    const held = Promise.withResolvers<void>();
    const inside = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const work = inside.map((entered, n) =>
      pool.transaction(async (run) => {
        await run((sql) => sql`insert into t values (${100 + n})`);
        entered.resolve();
        await held.promise;
        await run((sql) => sql`update t set n = n + 100 where n = ${100 + n}`);
      }),
    );
    const ended = Promise.allSettled(work);
    await Promise.all(inside.map((entered) => entered.promise));
    server.stop();
    server.start();
    // By the time another connection has an answer, the loss of these has been noticed: that is the hard case.
    const other = new PgPool("other", server.url, 1, "test", new Metrics("test"));
    expect(await other.answers()).toBe(true);
    await other.close();
    held.resolve();
    for (const result of await ended) {
      expect(result.status === "rejected" && result.reason).toBeInstanceOf(DependencyError);
    }
    const startedMs = performance.now();
    expect(await Promise.all(Array.from({ length: 20 }, rows))).toEqual(Array(20).fill(before));
    await pool.transaction((run) => run((sql) => sql`insert into t values (500)`));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(await rows()).toBe(before + 1);
  });

  describe("a statement that is given up", () => {
    const backend = async (single: PgPool) =>
      (await single.query((sql) => sql`select pg_backend_pid() as pid`))[0]?.pid;
    const giveUp = async (single: PgPool, sleepS: number) => {
      const startedMs = performance.now();
      const sleep = single.query((sql) => sql`select pg_sleep(${sleepS})`, AbortSignal.timeout(100));
      await expect(sleep).rejects.toMatchObject({ dependency: "pg_primary", outcome: "timeout" });
      expect(performance.now() - startedMs).toBeWithin(90, 450);
    };

    test("keeps its slot until it has ended; then its connection is used again", async () => {
      const single = new PgPool("pg_primary", server.url, 1, "test", new Metrics("test"));
      const pid = await backend(single);
      await giveUp(single, 0.6);
      await giveUp(single, 0.6);
      expect(await backend(single)).toBe(pid);
      await single.close();
    });

    test("and never ends costs its connection after 3 s, and nobody else waits longer than that", async () => {
      const single = new PgPool("pg_primary", server.url, 1, "test", new Metrics("test"));
      const pid = await backend(single);
      const startedMs = performance.now();
      await giveUp(single, 30);
      expect(await backend(single)).not.toBe(pid);
      expect(performance.now() - startedMs).toBeWithin(2_900, 4_500);
      await single.close();
    });

    test("inside a transaction ends it: what it did before is rolled back", async () => {
      const before = await rows();
      const given = pool.transaction(async (run) => {
        await run((sql) => sql`insert into t values (900)`);
        await run((sql) => sql`select pg_sleep(0.3)`);
        await run((sql) => sql`insert into t values (901)`);
      }, AbortSignal.timeout(100));
      await expect(given).rejects.toMatchObject({ outcome: "timeout" });
      await Bun.sleep(400);
      expect(await rows()).toBe(before);
    });
  });

  test("a server that is not there is unreachable, at once", async () => {
    const nowhere = new PgPool(
      "pg_primary",
      `postgres://x@127.0.0.1:${freePort()}/x`,
      2,
      "test",
      new Metrics("test"),
    );
    for (let n = 0; n < 5; n++) {
      const refused = nowhere.query((sql) => sql`select 1`);
      await expect(refused).rejects.toMatchObject({ dependency: "pg_primary", outcome: "unreachable" });
    }
    expect(await nowhere.answers()).toBe(false);
  });
});
