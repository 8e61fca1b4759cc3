/**
 * How each node is started and how its readiness is seen: pure command lines and small probes.
 * @module
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import postgres from "postgres";
import { selfCommand } from "../../cli/self.ts";
import { connectTo } from "../../toxiproxy/client.ts";
import { inNamespace } from "../netns.ts";
import { reachedAt } from "./links.ts";
import type { HostPrograms, User } from "./prerequisites.ts";
import { proxyServer } from "./proxies.ts";
import type { LabPaths, LabRecord } from "./record.ts";
import { type NodeName, PORTS, PROXY_NODE, stopSignalOf, type Topology } from "./topology.ts";

export interface NodeSpec {
  name: NodeName;
  argv: string[];
  env: Record<string, string>;
  /** Sent to end it in order. */
  stopSignal: NodeJS.Signals;
  /** Resolves to true when the node answers; false or a throw: not yet. */
  ready: () => Promise<boolean>;
}

export interface LabContext {
  record: LabRecord;
  topology: Topology;
  paths: LabPaths;
  programs: HostPrograms;
}

/** Runs `argv` as an unprivileged user. */
export function asUser(user: User, argv: string[]): string[] {
  return [
    "setpriv",
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    "--clear-groups",
    "--no-new-privs",
    "--",
    ...argv,
  ];
}

/**
 * Runs `argv` as root without any power but to reach its own binary, which may lie in a private home folder.
 */
export function withoutCapabilities(argv: string[]): string[] {
  return [
    "setpriv",
    "--bounding-set=-all,+dac_read_search",
    "--inh-caps=-all",
    "--no-new-privs",
    "--",
    ...argv,
  ];
}

/** Postgres as real as in production but for its size: durable writes, streaming replication. */
const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  wal_level: "replica",
  hot_standby: "on",
  max_connections: "100",
  shared_buffers: "64MB",
  min_wal_size: "64MB",
  max_wal_size: "192MB",
  wal_keep_size: "64MB",
  max_wal_senders: "5",
  jit: "off",
  logging_collector: "off",
  log_checkpoints: "off",
};

function databaseSpec(ctx: LabContext, node: "pg-primary" | "pg-replica", dataDir: string): NodeSpec {
  const { topology, programs } = ctx;
  const settings = {
    ...POSTGRES_SETTINGS,
    listen_addresses: topology.address(node),
    port: String(PORTS[node]),
    // No unix socket: clients of the lab come over the network they are tested on.
    unix_socket_directories: "",
    cluster_name: node,
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return {
    name: node,
    argv: inNamespace(
      topology.netns(node),
      asUser(programs.postgresUser, [join(programs.postgresBin, "postgres"), "-D", dataDir, ...options]),
    ),
    env: { LC_ALL: "C.UTF-8" },
    stopSignal: stopSignalOf(node),
    ready: () => databaseReady(ctx, node),
  };
}

export function databaseUrl(
  ctx: Pick<LabContext, "record" | "topology">,
  node: "pg-primary" | "pg-replica",
  user = "shop",
  database = "shop",
  at = `${ctx.topology.address(node)}:${PORTS[node]}`,
): string {
  return `postgres://${user}:${ctx.record.postgres_password}@${at}/${database}`;
}

/** The primary answers a query; the replica answers one and its WAL receiver is streaming. */
async function databaseReady(ctx: LabContext, node: "pg-primary" | "pg-replica"): Promise<boolean> {
  const sql = postgres(databaseUrl(ctx, node, "postgres", "postgres"), {
    max: 1,
    connect_timeout: 2,
    onnotice: () => {},
  });
  try {
    if (node === "pg-primary") {
      await sql`select 1`;
      return true;
    }
    const rows = await sql`select status from pg_stat_wal_receiver where status = 'streaming'`;
    return rows.length === 1;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Whether what listens there says that it is well. */
export const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;

/** One inline PING: enough to know that the server answers. */
function redisReady(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 2_000 });
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().startsWith("+PONG"));
    });
    socket.once("timeout", () => socket.destroy(new Error("no answer in 2 s")));
    socket.once("error", reject);
    socket.once("close", () => resolve(false));
  });
}

function redisSpec(ctx: LabContext): NodeSpec {
  const { topology, programs, paths } = ctx;
  const address = topology.address("redis");
  const argv = [
    programs.redisServer,
    "--bind",
    address,
    "--port",
    String(PORTS.redis),
    "--dir",
    paths.data("redis"),
  ];
  // A cache: nothing to keep. Reached only from the lab's own network, which protected mode would refuse.
  argv.push("--save", "", "--appendonly", "no", "--protected-mode", "no", "--daemonize", "no");
  return {
    name: "redis",
    argv: inNamespace(topology.netns("redis"), asUser(programs.redisUser, argv)),
    env: {},
    stopSignal: stopSignalOf("redis"),
    ready: () => redisReady(address, PORTS.redis),
  };
}

function serviceSpec(
  ctx: LabContext,
  name: NodeName,
  service: string,
  env: Record<string, string>,
): NodeSpec {
  const { topology, paths } = ctx;
  return {
    name,
    argv: inNamespace(topology.netns(name), withoutCapabilities(selfCommand("sut", service))),
    env: {
      HOST: topology.address(name),
      PORT: String(PORTS[name]),
      NODE_NAME: name,
      MITIGATIONS_FILE: paths.mitigations,
      // Bun caps concurrent fetches at 256 per process and queues the rest silently; the services' own pools shall be the limit.
      BUN_CONFIG_MAX_HTTP_REQUESTS: "65000",
      // The engine tells of its garbage collections by its log alone; the services make metrics of it.
      BUN_JSC_logGC: "1",
      ...env,
    },
    stopSignal: stopSignalOf(name),
    ready: () => answers(`${topology.url(name)}/readyz`),
  };
}

/** The proxies between the nodes: restarted, it begins with all of them and without toxics. */
function toxiproxySpec({ topology, record, paths }: LabContext): NodeSpec {
  const host = ["--host", topology.address(PROXY_NODE), "--port", String(PORTS[PROXY_NODE])];
  const server = proxyServer(record);
  return {
    name: PROXY_NODE,
    argv: inNamespace(
      topology.netns(PROXY_NODE),
      withoutCapabilities(selfCommand("toxiproxy", ...host, "--config", paths.toxiproxyConfig)),
    ),
    env: { CHAOSLAB_TOKEN: readFileSync(paths.toxiproxyToken, "utf8").trim() },
    stopSignal: stopSignalOf(PROXY_NODE),
    ready: async () =>
      server !== null && (await connectTo(server.url, server.tokenFile).getVersion()).includes("version"),
  };
}

/** Every node of the lab. */
export function nodeSpecs(ctx: LabContext): Partial<Record<NodeName, NodeSpec>> {
  const { topology, record, paths } = ctx;
  const at = (caller: NodeName, callee: NodeName) => reachedAt(topology, record.toxiproxy, caller, callee);
  const databaseAt = (caller: NodeName, node: "pg-primary" | "pg-replica") =>
    databaseUrl(ctx, node, "shop", "shop", at(caller, node));
  const orders = (caller: NodeName) => ({
    PG_PRIMARY_URL: databaseAt(caller, "pg-primary"),
    PG_REPLICA_URL: databaseAt(caller, "pg-replica"),
    REDIS_URL: `redis://${at(caller, "redis")}`,
    PAYMENTS_URL: `http://${at(caller, "payments")}`,
    CATALOG_URL: `http://${at(caller, "catalog")}`,
  });
  return {
    redis: redisSpec(ctx),
    "pg-primary": databaseSpec(ctx, "pg-primary", join(paths.volume("pg-primary"), "data")),
    "pg-replica": databaseSpec(ctx, "pg-replica", paths.data("pg-replica")),
    payments: serviceSpec(ctx, "payments", "payments", {
      LEDGER_PATH: join(paths.data("payments"), "ledger.sqlite"),
      SEED: "1",
    }),
    catalog: serviceSpec(ctx, "catalog", "catalog", {
      PG_REPLICA_URL: databaseAt("catalog", "pg-replica"),
      REDIS_URL: `redis://${at("catalog", "redis")}`,
    }),
    "orders-1": serviceSpec(ctx, "orders-1", "orders", orders("orders-1")),
    "orders-2": serviceSpec(ctx, "orders-2", "orders", orders("orders-2")),
    api: serviceSpec(ctx, "api", "api", {
      JWT_SECRET: record.jwt_secret,
      ORDERS_URLS: `http://${at("api", "orders-1")},http://${at("api", "orders-2")}`,
      CATALOG_URL: `http://${at("api", "catalog")}`,
      REDIS_URL: `redis://${at("api", "redis")}`,
    }),
    ...(topology.nodes.includes(PROXY_NODE) && { [PROXY_NODE]: toxiproxySpec(ctx) }),
  };
}
