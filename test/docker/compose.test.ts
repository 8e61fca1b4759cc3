/** The system as containers: that it comes up, serves, comes back from kills, may do no more than it must, and goes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { type NodeName, PORTS } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { chaoslab } from "../support.ts";
import { Compose, POSTGRES_PASSWORD, TOKEN, TOPOLOGY } from "./compose.ts";
import { type Engine, IMAGE, startEngine } from "./engine.ts";

setDefaultTimeout(60_000);

const PROJECT = "chaoslab-test";

const NODES = [
  "api",
  "orders-1",
  "orders-2",
  "payments",
  "catalog",
  "pg-primary",
  "pg-replica",
  "redis",
] as const;
const ALL = [...NODES, "toxiproxy", "client", "chaos"].toSorted();

const engine = await startEngine();
if (typeof engine === "string") process.stderr.write(`docker: skipped: ${engine}\n`);
else afterAll(() => engine[Symbol.asyncDispose]());

describe.skipIf(typeof engine === "string")("docker-compose.yml", () => {
  const running = engine as Engine;
  const compose = new Compose(running, PROJECT);

  beforeAll(async () => {
    await compose.run("up", "--detach", "--no-build");
  });
  afterAll(async () => {
    await compose.run("--profile", "observe", "down", "--volumes", "--timeout", "2");
  });

  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(TOPOLOGY.url("api") + path, { ...init, signal: AbortSignal.timeout(5_000) });

  async function authorization(): Promise<Record<string, string>> {
    const answer = await call("/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tenant: "tenant-01" }),
    });
    return { authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
  }

  /** Places one; its id. */
  async function order(): Promise<string> {
    const answer = await call("/orders", {
      method: "POST",
      headers: { "content-type": "application/json", ...(await authorization()) },
      body: JSON.stringify({ product_id: "p-0001", quantity: 2 }),
    });
    const { id, status } = (await answer.json()) as { id?: string; status?: string };
    if (id === undefined || status !== "paid") throw new Error(`${answer.status}, ${status}`);
    return id;
  }

  const orderWhenItCan = (): Promise<string> =>
    waitFor(order, { what: "an order to be taken", timeoutMs: 20_000, intervalMs: 100 });

  /** Rows of an order in one of the databases, asked directly. */
  async function rowsOf(node: "pg-primary" | "pg-replica", id: string): Promise<number> {
    const url = `postgres://shop:${POSTGRES_PASSWORD}@${TOPOLOGY.address(node)}:${PORTS[node]}/shop`;
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
    try {
      return (await sql`select 1 from orders where id = ${id}`).length;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Kills the container's first process as the kernel would; resolves when another runs in its place. */
  async function kill(service: NodeName): Promise<void> {
    const { Id, State } = await compose.container(service);
    process.kill(State.Pid, "SIGKILL");
    await waitFor(
      async () => {
        const now = await compose.container(service);
        return now.Id === Id && now.State.Running && now.State.Pid !== State.Pid;
      },
      { what: `${service} to be started again`, timeoutMs: 10_000, intervalMs: 50 },
    );
  }

  test("an order is taken within seconds of `up`, and read by way of the replica", async () => {
    const id = await orderWhenItCan();
    const read = async (): Promise<unknown> => {
      const answer = await call(`/orders/${id}`, { headers: await authorization() });
      return answer.ok ? answer.json() : null;
    };
    const found = await waitFor(read, { what: "the order to be readable", timeoutMs: 5_000 });
    expect(found).toMatchObject({ id, status: "paid" });
    expect(await rowsOf("pg-replica", id)).toBe(1);
  });

  test("a service whose process is killed comes back", async () => {
    await kill("payments");
    await orderWhenItCan();
    await kill("orders-1");
    const ready = async (): Promise<boolean> => (await fetch(`${TOPOLOGY.url("orders-1")}/readyz`)).ok;
    await waitFor(ready, { what: "orders-1 to be ready", timeoutMs: 10_000 });
  });

  test("a database that is killed keeps its data", async () => {
    const id = await orderWhenItCan();
    await kill("pg-primary");
    await orderWhenItCan();
    expect(await rowsOf("pg-primary", id)).toBe(1);
    await kill("pg-replica");
    const replicated = async (): Promise<boolean> => (await rowsOf("pg-replica", id)) === 1;
    await waitFor(replicated, { what: "the replica to have the order", timeoutMs: 10_000 });
    const later = await orderWhenItCan();
    const follows = async () => (await rowsOf("pg-replica", later)) === 1;
    await waitFor(follows, { what: "the replica to follow", timeoutMs: 10_000 });
  });

  test("a replica clones anew when the primary is another one", async () => {
    const id = await orderWhenItCan();
    await compose.run("rm", "--stop", "--force", "pg-primary");
    // Emptied under its other holders, as if it had been lost with its host.
    const empty = ["--network", "none", "--user", "postgres", "--volume", `${PROJECT}_pg-primary:/volume`];
    await running.docker("run", "--rm", ...empty, "--entrypoint", "rm", IMAGE, "-r", "/volume/data");
    await compose.run("up", "--detach", "--no-build", "pg-primary");
    await orderWhenItCan();
    expect(await rowsOf("pg-primary", id)).toBe(0);
    await kill("pg-replica");
    const later = await orderWhenItCan();
    const follows = async () => (await rowsOf("pg-replica", later)) === 1;
    await waitFor(follows, { what: "the replica to follow", timeoutMs: 20_000, intervalMs: 100 });
  });

  test("the proxies are there, for whoever has the token", async () => {
    const url = `${TOPOLOGY.url("toxiproxy")}/proxies`;
    expect((await fetch(url)).status).toBe(401);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(Object.keys((await answer.json()) as object)).toContain("orders-1-to-payments");
  });

  test("every container is labelled, comes back, and has no power but the controller", async () => {
    const containers = await compose.containers();
    expect([...containers.keys()].toSorted()).toEqual(ALL);
    for (const [service, { Config, HostConfig }] of containers) {
      expect(Config.Labels["chaoslab.lab"]).toBe("docker");
      expect(HostConfig.RestartPolicy.Name).toBe("always");
      expect(HostConfig.CapDrop).toEqual(["ALL"]);
      expect(HostConfig.Privileged).toBe(false);
      if (service === "chaos") continue;
      expect({ service, user: Config.User }).not.toEqual({ service, user: "" });
      expect(HostConfig.CapAdd ?? []).toEqual([]);
      expect(HostConfig.SecurityOpt).toEqual(["no-new-privileges:true"]);
      expect(HostConfig.PidMode).toBe("");
    }
    expect(containers.get("chaos")?.HostConfig.PidMode).toBe("host");
    expect(containers.get("chaos")?.HostConfig.CapAdd).toContain("NET_ADMIN");
  });

  test("the exporter tells of both databases, of Redis, and of the faults in force", async () => {
    await compose.run("--profile", "observe", "up", "--detach", "--no-build", "exporter");
    const metrics = async (): Promise<string> => (await fetch(`http://198.19.254.91:9187/metrics`)).text();
    const told = await waitFor(metrics, { what: "the exporter to answer", timeoutMs: 10_000 });
    for (const line of [
      'chaoslab_postgres_up{node="pg-primary"} 1',
      'chaoslab_postgres_up{node="pg-replica"} 1',
      'chaoslab_redis_up{node="redis"} 1',
    ]) {
      expect(told).toContain(line);
    }
    const env = { DOCKER_HOST: running.host, CHAOSLAB_HOME: `${running.scratch}/state` };
    const argv = ["inject", "stop", "--target", "catalog", "--for", "30s", "--lab", "docker"];
    expect((await chaoslab(argv, { env })).code).toBe(0);
    expect(await metrics()).toMatch(/^chaoslab_fault_active\{.*type="stop",target="catalog".*\} 1$/m);
    expect((await chaoslab(["revert", "--all", "--lab", "docker"], { env })).code).toBe(0);
    expect(await metrics()).not.toContain("chaoslab_fault_active{");
  });

  test("with the override a checkout needs the proxies to payments", async () => {
    await new Compose(running, PROJECT, ["docker/through-toxiproxy.yml"]).run("up", "--detach", "--no-build");
    const switched = async (enabled: boolean): Promise<void> => {
      for (const caller of ["orders-1", "orders-2"]) {
        const answer = await fetch(`${TOPOLOGY.url("toxiproxy")}/proxies/${caller}-to-payments`, {
          method: "POST",
          headers: { authorization: `Bearer ${TOKEN}` },
          body: JSON.stringify({ enabled }),
        });
        expect(answer.status).toBe(200);
      }
    };
    await orderWhenItCan();
    await switched(false);
    await expect(order()).rejects.toThrow();
    await switched(true);
    await orderWhenItCan();
  });

  test("`down --volumes` leaves nothing", async () => {
    await compose.run("--profile", "observe", "down", "--volumes", "--timeout", "2");
    expect(await compose.left()).toEqual([]);
  });
});
