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
