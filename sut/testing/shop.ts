/** The whole system under test on loopback, each service a process of its own: for tests that kill and switch them. */
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./free-port.ts";
import { PostgresServer } from "./postgres-server.ts";
import { until } from "./until.ts";

const MAIN = resolve(import.meta.dir, "../../src/main.ts");

export const SERVICES = ["payments", "catalog", "orders-1", "orders-2", "api"] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface Charge {
  key: string;
  order_id: string;
  amount_cents: number;
}

export class Shop {
  readonly folder = mkdtempSync(join(tmpdir(), "sut-shop-"));
  readonly postgres = new PostgresServer();
  readonly #ports = new Map<ServiceName, number>(SERVICES.map((name) => [name, freePort()]));
  readonly #redisPort = freePort();
  readonly #children = new Map<ServiceName | "redis", Bun.Subprocess>();
  readonly #tokens = new Map<string, string>();

  /** What services that are started from now on begin with. */
  async writeMitigations(mitigations: readonly string[] | string): Promise<void> {
    await Bun.write(this.#mitigationsFile, JSON.stringify({ mitigations }));
  }

  get #mitigationsFile(): string {
    return join(this.folder, "mitigations.json");
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.#redisPort}`;
  }

  url(name: ServiceName): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  async open(): Promise<void> {
    this.postgres.create();
    this.postgres.start();
    this.startRedis();
    const env = {
      ...process.env,
      PG_PRIMARY_URL: this.postgres.url,
      SEED_ORDERS: "100",
      SEED_PRODUCTS: "20",
    };
    const migrate = Bun.spawn([process.execPath, MAIN, "sut", "migrate"], { env, stderr: "pipe" });
    if ((await migrate.exited) !== 0) throw new Error(await migrate.stderr.text());
    await Promise.all(SERVICES.map((name) => this.start(name)));
  }

  /** Starts a service and waits until it is ready. */
  async start(name: ServiceName): Promise<void> {
    this.spawn(name);
    await until(async () => (await fetch(`${this.url(name)}/readyz`)).ok, `${name} to be ready`);
  }

  spawn(name: ServiceName): void {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const command = [process.execPath, MAIN, "sut", name.replace(/-\d$/, "")];
    const child = Bun.spawn(command, { env: this.#environment(name), stdout: log, stderr: log });
    this.#children.set(name, child);
  }

  startRedis(): void {
    const settings = [
      "--port",
      String(this.#redisPort),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--dir",
      this.folder,
    ];
    this.#children.set(
      "redis",
      Bun.spawn(["redis-server", ...settings], { stdout: "ignore", stderr: "ignore" }),
    );
  }

  /** Ends a process and waits for its end. */
  async kill(name: ServiceName | "redis", signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#children.get(name);
    child?.kill(signal);
    await child?.exited;
  }

  async close(): Promise<void> {
    for (const name of this.#children.keys()) await this.kill(name);
    this.postgres.remove();
    rmSync(this.folder, { recursive: true });
  }

  /** @param mitigations names, `all` or `none`, for every service, or one. */
  async mitigate(
    mitigations: readonly string[] | string,
    names: readonly ServiceName[] = SERVICES,
  ): Promise<void> {
    for (const name of names) {
      const answer = await put(`${this.url(name)}/mitigations`, { mitigations });
      if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`);
    }
  }

  behave(behaviour: object): Promise<Response> {
    return put(`${this.url("payments")}/behaviour`, behaviour);
  }

  async token(tenant = "tenant-01"): Promise<string> {
    const known = this.#tokens.get(tenant);
    if (known !== undefined) return known;
    const answer = await fetch(`${this.url("api")}/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tenant }),
    });
    const { token } = (await answer.json()) as { token: string };
    this.#tokens.set(tenant, token);
    return token;
  }

  async buy(headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url("api")}/orders`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await this.token()}`,
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify({ product_id: "p-0003", quantity: 2 }),
      signal: AbortSignal.timeout(20_000),
    });
  }

  async read(id: string): Promise<Response> {
    return fetch(`${this.url("api")}/orders/${id}`, {
      headers: { authorization: `Bearer ${await this.token()}` },
      signal: AbortSignal.timeout(20_000),
    });
  }

  async charges(): Promise<Charge[]> {
    const answer = await fetch(`${this.url("payments")}/ledger/charges?limit=10000`);
    return ((await answer.json()) as { charges: Charge[] }).charges;
  }

  /** Value of the first sample of a metric whose line has all these parts; null when there is none. */
  async metric(name: ServiceName, metric: string, ...parts: string[]): Promise<number | null> {
    const text = await (await fetch(`${this.url(name)}/metrics`)).text();
    const line = text
      .split("\n")
      .find((each) => each.startsWith(`${metric}{`) && parts.every((part) => each.includes(part)));
    return line === undefined ? null : Number(line.split("} ")[1]);
  }

  #environment(name: ServiceName): Record<string, string> {
    return {
      ...(process.env as Record<string, string>),
      PORT: String(this.#ports.get(name)),
      NODE_NAME: name,
      PG_PRIMARY_URL: this.postgres.url,
      // One server is both: what is written can be read at once.
      PG_REPLICA_URL: this.postgres.url,
      REDIS_URL: this.redisUrl,
      CATALOG_URL: this.url("catalog"),
      PAYMENTS_URL: this.url("payments"),
      ORDERS_URLS: `${this.url("orders-1")},${this.url("orders-2")}`,
      JWT_SECRET: "a secret of at least thirty-two bytes",
      MITIGATIONS_FILE: this.#mitigationsFile,
      LEDGER_PATH: join(this.folder, "ledger.sqlite"),
    };
  }
}

function put(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
