/**
 * Creates the schema and seeds the primary: set-based, idempotent, one transaction.
 * @module
 */
import { Env } from "../common/config.ts";
import { Log } from "../common/log.ts";
import { PgConnection, type Run } from "../common/pg-connection.ts";

export interface Seed {
  orders: number;
  products: number;
  tenants: number;
}

/** Serialises migrations that start at once; any constant will do. */
const LOCK = 0x6368616f;

const SCHEMA = `
  create table if not exists products (
    id text primary key,
    name text not null,
    price_cents integer not null check (price_cents > 0)
  );
  create table if not exists orders (
    id text primary key,
    tenant_id text not null,
    product_id text not null references products (id),
    quantity integer not null check (quantity > 0),
    amount_cents integer not null check (amount_cents > 0),
    status text not null check (status in ('pending', 'paid', 'failed')),
    idempotency_key text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  );
  create unique index if not exists orders_idempotency on orders (tenant_id, idempotency_key)
    where idempotency_key is not null;
  create index if not exists orders_tenant on orders (tenant_id, created_at desc);
  create index if not exists orders_pending on orders (created_at) where status = 'pending';
  create table if not exists leases (
    name text primary key,
    holder text not null,
    token bigint not null,
    expires_at timestamptz not null
  );
`;

/**
 * Rows the load generator knows by name: products p-0000.., orders o-0000000.., order i of tenant
 * tenant-(i % tenants + 1).
 */
async function seed(run: Run, { orders, products, tenants }: Seed): Promise<void> {
  // 7919 is prime: prices look scattered and are the same everywhere.
  await run(
    (sql) => sql`
    insert into products (id, name, price_cents)
    select 'p-' || lpad(i::text, 4, '0'), 'Product ' || i, 100 + (i * 7919) % 9900
    from generate_series(0, ${products - 1}::int) i
    on conflict (id) do nothing`,
  );
  await run(
    (sql) => sql`
    insert into orders (id, tenant_id, product_id, quantity, amount_cents, status, created_at, updated_at)
    select 'o-' || lpad(i::text, 7, '0'), 'tenant-' || lpad((i % ${tenants}::int + 1)::text, 2, '0'), p.id,
      1 + i % 3, p.price_cents * (1 + i % 3), 'paid', at, at
    from generate_series(0, ${orders - 1}::int) i
    join products p on p.id = 'p-' || lpad((i % ${products}::int)::text, 4, '0')
    cross join lateral (select now() - make_interval(mins => ${orders}::int - i) as at) made
    on conflict (id) do nothing`,
  );
}

/**
 * Reads PG_PRIMARY_URL, SEED_ORDERS, SEED_PRODUCTS and TENANTS; returns when the database is as it should be.
 * @throws ConfigError, or DependencyError when Postgres is not there or refuses.
 */
export async function migrate(values: Readonly<Record<string, string | undefined>>): Promise<void> {
  const env = new Env("migrate", values);
  const url = env.url("PG_PRIMARY_URL", ["postgres:", "postgresql:"]);
  const wanted: Seed = {
    orders: env.integer("SEED_ORDERS", { min: 0, max: 5_000_000 }, 10_000),
    products: env.integer("SEED_PRODUCTS", { min: 1, max: 10_000 }, 1_000),
    tenants: env.integer("TENANTS", { min: 1, max: 99 }, 20),
  };
  const log = new Log(env.text("NODE_NAME", "a name", "migrate"));
  const startedMs = performance.now();
  const connection = new PgConnection("pg_primary", url, "migrate");
  try {
    await connection.transaction(async (run) => {
      await run((sql) => sql`select pg_advisory_xact_lock(${LOCK})`);
      await run((sql) => sql.unsafe(SCHEMA).simple());
      await seed(run, wanted);
    });
    // Fresh statistics now, instead of whenever autovacuum comes by in the middle of an experiment.
    await connection.run((sql) => sql`analyze products, orders`);
  } finally {
    await connection.close();
  }
  log.info("migrated", { ...wanted, duration_ms: Math.round(performance.now() - startedMs) });
}
