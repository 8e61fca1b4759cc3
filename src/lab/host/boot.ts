/**
 * Boots a lab step by step, reporting each with the time it took.
 * @module
 */
import { appendFileSync, chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { selfCommand } from "../../cli/self.ts";
import { exec } from "../exec.ts";
import { inNamespace } from "../netns.ts";
import { waitForAll } from "../wait.ts";
import { cgroupLayout, createCgroups } from "./cgroup.ts";
import { createNetwork } from "./network.ts";
import { asUser, databaseUrl, type LabContext, nodeSpecs } from "./nodes.ts";
import { observerSpecs, writePrometheusFiles } from "./observers.ts";
import type { User } from "./prerequisites.ts";
import { checkServer, createProxies, proxiesOf, TOKEN_VARIABLE, writeProxyFiles } from "./proxies.ts";
import { Supervisor } from "./supervisor.ts";
import { EXPORTER_NODE, type NodeName, PORTS, PROMETHEUS_NODE, PROXY_NODE } from "./topology.ts";
import { createVolume, PRIMARY_VOLUME_BYTES } from "./volume.ts";

/** One finished step of a boot. */
export interface BootStep {
  step: string;
  detail: string;
  ms: number;
}

/** Deadline of each node's readiness: far above what any takes, so that only a broken one meets it. */
const NODE_READY_MS = 30_000;

export interface BootOptions {
  onStep: (step: BootStep) => void;
  log: (message: string) => void;
  /** Stops the boot after the step it is in; what was made stays for the caller to remove. */
  signal: AbortSignal;
}

/** Boots everything; returns the supervisor that keeps it running. The lab's folder must be reserved. */
export async function boot(ctx: LabContext, { onStep, log, signal }: BootOptions): Promise<Supervisor> {
  const { topology, paths } = ctx;
  const { seeded } = ctx.record;
  const timed = async <T>(step: string, act: () => Promise<readonly [T, string]>): Promise<T> => {
    signal.throwIfAborted();
    const started = performance.now();
    const [value, detail] = await act();
    onStep({ step, detail, ms: Math.round(performance.now() - started) });
    return value;
  };

  if (ctx.record.toxiproxy) writeProxyFiles(ctx.record);
  // Its file is its only home from here on: programs run as other users inherit this process's environment.
  delete process.env[TOKEN_VARIABLE];
  await checkServer(ctx.record);
  const layout = cgroupLayout();
  // All to their end: what one still made after another's failure would be made behind the teardown's back.
  await waitForAll([
    timed("network", async () => {
      await createNetwork(topology);
      return [null, `${topology.cidr}, ${topology.nodes.length} nodes through ${topology.fabricNamespace}`];
    }),
    timed("cgroups", async () => {
      createCgroups(layout, topology.lab, topology.nodes);
      return [null, `v${layout.version}, ${topology.nodes.length} groups`];
    }),
    timed("volume", async () => {
      const kind = await createVolume(paths, "pg-primary", PRIMARY_VOLUME_BYTES);
      await initPrimary(ctx);
      return [null, `${PRIMARY_VOLUME_BYTES / 1024 / 1024} MiB ${kind}, database cluster initialised`];
    }),
  ]);

  const specs = { ...nodeSpecs(ctx), ...observerSpecs(ctx) };
  const supervisor = new Supervisor(specs, topology, paths, layout, log);
  signal.addEventListener("abort", () => void supervisor.stop(), { once: true });
  const up = (...names: NodeName[]): Promise<void> =>
    timed(names.join(", "), async () => {
      await Promise.all(names.map((name) => supervisor.start(name, NODE_READY_MS)));
      return [undefined, names.map((name) => `${topology.address(name)}:${PORTS[name]}`).join(", ")];
    });

  try {
    makeUserFolder(paths.data("redis"), ctx.programs.redisUser);
    mkdirSync(paths.data("payments"), { recursive: true });
    if (topology.nodes.includes(PROMETHEUS_NODE)) writePrometheusFiles(ctx);
    await Promise.all([up("pg-primary"), up("redis")]);
    await timed("seed", async () => {
      await seed(ctx);
      return [null, `${seeded.orders} orders, ${seeded.products} products, ${seeded.tenants} tenants`];
    });
    await timed("base backup", async () => {
      await baseBackup(ctx);
      return [null, "pg_basebackup from the primary, over the lab's network"];
    });
    await up("pg-replica");
    if (topology.nodes.includes(PROXY_NODE)) await up(PROXY_NODE);
    if (ctx.record.toxiproxy?.url) {
      const { url } = ctx.record.toxiproxy;
      await timed("proxies", async () => {
        await createProxies(ctx.record);
        return [null, `${proxiesOf(ctx.record).length} on ${url}`];
      });
    }
    await up("payments", "catalog");
    await up("orders-1", "orders-2");
    await up("api");
    if (topology.nodes.includes(PROMETHEUS_NODE)) await up(EXPORTER_NODE, PROMETHEUS_NODE);
    return supervisor;
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

function makeUserFolder(dir: string, user: User): void {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  chownSync(dir, user.uid, user.gid);
}

async function initPrimary({ paths, programs, record, topology }: LabContext): Promise<void> {
  const volume = paths.volume("pg-primary");
  const dataDir = join(volume, "data");
  const passwordFile = join(paths.dir, "pg-password");
  makeUserFolder(volume, programs.postgresUser);
  writeFileSync(passwordFile, record.postgres_password, { mode: 0o600 });
  chownSync(passwordFile, programs.postgresUser.uid, programs.postgresUser.gid);
  const initdb = [join(programs.postgresBin, "initdb"), "-D", dataDir, "-U", "postgres"];
  // The cluster is made anew at each boot, so nothing is lost if the host dies during it: no sync.
  initdb.push(
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  );
  await exec(asUser(programs.postgresUser, initdb));
  rmSync(passwordFile);
  const rules = ["all", "replication"].map(
    (database) => `host ${database} all ${topology.cidr} scram-sha-256\n`,
  );
  appendFileSync(join(dataDir, "pg_hba.conf"), rules.join(""));
}

async function seed(ctx: LabContext): Promise<void> {
  const { orders, products, tenants } = ctx.record.seeded;
  const sql = postgres(databaseUrl(ctx, "pg-primary", "postgres", "postgres"), {
    max: 1,
    onnotice: () => {},
  });
  try {
    await sql.unsafe(`create role shop login password '${ctx.record.postgres_password}'`);
    await sql.unsafe("create database shop owner shop");
  } finally {
    await sql.end();
  }
  await exec(inNamespace(ctx.topology.netns("pg-primary"), selfCommand("sut", "migrate")), {
    env: {
      PG_PRIMARY_URL: databaseUrl(ctx, "pg-primary"),
      SEED_ORDERS: String(orders),
      SEED_PRODUCTS: String(products),
      TENANTS: String(tenants),
    },
  });
}

async function baseBackup(ctx: LabContext): Promise<void> {
  const { paths, programs, topology } = ctx;
  makeUserFolder(paths.data("pg-replica"), programs.postgresUser);
  // -R writes standby.signal and primary_conninfo; the checkpoint is forced rather than awaited.
  const backup = [join(programs.postgresBin, "pg_basebackup"), "-D", paths.data("pg-replica"), "-R"];
  backup.push("-X", "stream", "-c", "fast", "--no-sync", "-U", "postgres");
  backup.push("-h", topology.address("pg-primary"), "-p", String(PORTS["pg-primary"]));
  await exec(inNamespace(topology.netns("pg-replica"), asUser(programs.postgresUser, backup)), {
    env: { PGPASSWORD: ctx.record.postgres_password },
  });
}
