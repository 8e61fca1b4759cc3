/**
 * What PostgreSQL tells of itself in its statistics views (PostgreSQL 15 documentation, chapter 28).
 * @module
 */
import postgres from "postgres";
import { inTime, type Samples, type Source } from "./samples.ts";

interface Server {
  standby: boolean;
  uptime_s: number;
  max_connections: number;
  waiting_locks: number;
}
interface Activity {
  state: string;
  connections: number;
  oldest_s: number;
}
interface Database {
  commits: number;
  rollbacks: number;
  read: number;
  hit: number;
  deadlocks: number;
  bytes: number;
}
interface Standby {
  standby: string;
  behind_bytes: number;
  behind_s: number | null;
}
interface Replay {
  streaming: boolean;
  received_bytes: number | null;
  replayed_bytes: number | null;
  age_s: number | null;
}

interface Findings {
  server: Server;
  activity: Activity[];
  database: Database | undefined;
  /** Of a primary. */
  written_bytes: number | null;
  standbys: Standby[];
  /** Of a standby. */
  replay: Replay | null;
}

export class PostgresSource implements Source {
  #sql: postgres.Sql | null = null;

  /** @param url with a role that may read the statistics: a superuser, or a member of pg_monitor. */
  constructor(
    readonly node: string,
    private readonly url: string,
  ) {}

  async collect(samples: Samples): Promise<void> {
    this.#sql ??= connect(this.url);
    const found = await inTime(ask(this.#sql));
    // A server that hangs leaves the question on the connection: the next scrape begins with another.
    if (!found) this.#drop();
    show(samples, this.node, found);
  }

  #drop(): void {
    void this.#sql?.end({ timeout: 0 }).catch(() => {});
    this.#sql = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drop();
  }
}

const connect = (url: string): postgres.Sql =>
  postgres(url, {
    max: 1,
    connect_timeout: 1,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: "chaoslab exporter", statement_timeout: 800 },
  });

async function ask(sql: postgres.Sql): Promise<Findings> {
  const [server] = await sql<Server[]>`
    select pg_is_in_recovery() as standby,
      extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as uptime_s,
      current_setting('max_connections')::float8 as max_connections,
      (select count(*) from pg_locks where not granted)::float8 as waiting_locks`;
  if (!server) throw new Error("no answer");
  const activity = await sql<Activity[]>`
    select coalesce(state, 'unknown') as state, count(*)::float8 as connections,
      coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 as oldest_s
    from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1`;
  const [database] = await sql<Database[]>`
    select xact_commit::float8 as commits, xact_rollback::float8 as rollbacks, blks_read::float8 as read,
      blks_hit::float8 as hit, deadlocks::float8 as deadlocks, pg_database_size(datid)::float8 as bytes
    from pg_stat_database where datname = current_database()`;
  if (server.standby) {
    const [replay = null] = await sql<Replay[]>`
      select exists (select from pg_stat_wal_receiver where status = 'streaming') as streaming,
        pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::float8 as received_bytes,
        pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::float8 as replayed_bytes,
        extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age_s`;
    return { server, activity, database, written_bytes: null, standbys: [], replay };
  }
  const [wal] = await sql<{ bytes: number }[]>`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes`;
  const standbys = await sql<Standby[]>`
    select application_name as standby, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 as behind_bytes,
      extract(epoch from replay_lag)::float8 as behind_s
    from pg_stat_replication where state = 'streaming'`;
  return { server, activity, database, written_bytes: wal?.bytes ?? null, standbys, replay: null };
}

/** Of pg_stat_activity; any other state is counted as `unknown`, so that the label stays bounded. */
const STATES = ["active", "idle", "idle in transaction", "idle in transaction (aborted)", "unknown"];

function show(samples: Samples, node: string, found: Findings | null): void {
  const name = (suffix: string): string => `chaoslab_postgres_${suffix}`;
  samples.gauge(name("up"), "1 when the server answered this scrape in time.", { node }, found ? 1 : 0);
  if (!found) return;
  const { server, activity, database, standbys, replay } = found;
  samples.gauge(name("standby"), "1 on a server in recovery.", { node }, server.standby ? 1 : 0);
  samples.gauge(name("uptime_seconds"), "Since the server was started.", { node }, server.uptime_s);
  samples.gauge(name("connections_limit"), "max_connections.", { node }, server.max_connections);
  samples.gauge(name("locks_waiting"), "Locks asked for and not granted.", { node }, server.waiting_locks);
  for (const state of STATES) {
    const of = activity.filter((each) => (STATES.includes(each.state) ? each.state : "unknown") === state);
    const connections = of.reduce((sum, each) => sum + each.connections, 0);
    samples.gauge(name("connections"), "Client connections.", { node, state }, connections);
  }
  const oldest = Math.max(0, ...activity.map(({ oldest_s }) => oldest_s));
  samples.gauge(name("oldest_transaction_seconds"), "Age of the oldest transaction.", { node }, oldest);
  if (database) {
    const total = (suffix: string, help: string, value: number): void =>
      samples.counter(name(suffix), help, { node }, value);
    total("transactions_committed_total", "Transactions committed.", database.commits);
    total("transactions_rolled_back_total", "Transactions rolled back.", database.rollbacks);
    total("blocks_read_total", "Blocks read from below the server's cache.", database.read);
    total("blocks_hit_total", "Blocks found in the server's cache.", database.hit);
    total("deadlocks_total", "Deadlocks detected.", database.deadlocks);
    samples.gauge(name("database_bytes"), "Size of the database.", { node }, database.bytes);
  }
  samples.counter(
    name("wal_written_bytes_total"),
    "WAL written by a primary.",
    { node },
    found.written_bytes,
  );
  const lag =
    "WAL that a primary has written and the standby has not replayed; no sample: it is not connected.";
  const lagTime =
    "How long the last commit took to be replayed on the standby, as the primary saw it; no sample when idle.";
  for (const { standby, behind_bytes, behind_s } of standbys) {
    samples.gauge(name("replication_lag_bytes"), lag, { node, standby }, behind_bytes);
    samples.gauge(name("replication_lag_seconds"), lagTime, { node, standby }, behind_s);
  }
  if (replay) {
    samples.gauge(
      name("wal_receiver_streaming"),
      "1 while a standby receives WAL.",
      { node },
      replay.streaming ? 1 : 0,
    );
    const unplayed = (replay.received_bytes ?? Number.NaN) - (replay.replayed_bytes ?? Number.NaN);
    samples.gauge(
      name("replay_pending_bytes"),
      "WAL a standby has received and not replayed.",
      { node },
      unplayed,
    );
    const age = "Age of the last transaction a standby replayed: it grows on an idle primary too.";
    samples.gauge(name("replay_age_seconds"), age, { node }, replay.age_s);
  }
}
