import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { DependencyError } from "./dependency.ts";
import { Metrics } from "./metrics.ts";
import { PgPool } from "./postgres.ts";

const VERSIONS = "/usr/lib/postgresql";
const found = existsSync(VERSIONS)
  ? [...new Glob("*/bin/initdb").scanSync(VERSIONS)].sort().at(-1)
  : undefined;
const AS_ROOT = process.getuid?.() === 0;
const bin = found ? join(VERSIONS, dirname(found)) : null;

/** A real server of its own, with the smallest settings that start. Postgres refuses to run as root. */
class Server {
  folder = "";
  readonly port = freePort();
  readonly url = `postgres://tester@127.0.0.1:${this.port}/postgres`;

  create(): void {
    this.folder = mkdtempSync(join(tmpdir(), "sut-pg-"));
    if (AS_ROOT) this.#spawn("chown", "postgres", this.folder);
    this.#run("initdb", "-D", `${this.folder}/data`, "-A", "trust", "-U", "tester", "--no-sync");
  }

  start(): void {
    const settings = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${this.folder}`;
    this.#run(
      "pg_ctl",
      "-D",
      `${this.folder}/data`,
      "-o",
      settings,
      "-l",
      `${this.folder}/log`,
      "-w",
      "start",
    );
  }

  /** `immediate` is a crash: connections are cut, nothing is finished. */
  stop(): void {
    this.#run("pg_ctl", "-D", `${this.folder}/data`, "-m", "immediate", "-w", "stop");
  }

  #run(program: string, ...args: string[]): void {
    const command = [`${bin}/${program}`, ...args];
    this.#spawn(...(AS_ROOT ? ["runuser", "-u", "postgres", "--", ...command] : command));
  }

  #spawn(...command: string[]): void {
    const result = Bun.spawnSync(command, { cwd: "/", stdout: "ignore", stderr: "pipe" });
    if (result.exitCode !== 0) throw new Error(`${command.join(" ")}: ${result.stderr.toString()}`);
  }
}

function freePort(): number {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  taken.stop(true);
  return taken.port;
}

describe.skipIf(bin === null)("PgPool on a real server", () => {
  const server = new Server();
  const pool = new PgPool("pg_primary", server.url, 4, "test", new Metrics("test"));
  const rows = async () => Number((await pool.query((sql) => sql`select count(*) from t`))[0]?.count);

  beforeAll(async () => {
    server.create();
    server.start();
    await pool.query((sql) => sql`create table t (n integer primary key)`);
  });
  afterAll(async () => {
    await pool.close();
    server.stop();
    rmSync(server.folder, { recursive: true });
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
