/** The system under test as a whole, on real stores, with its mitigations switched while it runs. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { RedisClient } from "bun";
import { MITIGATIONS, type Mitigation } from "../../src/model/mitigations.ts";
import { postgresBin } from "../../sut/testing/postgres-server.ts";
import { SERVICES, Shop } from "../../sut/testing/shop.ts";
import { until } from "../../sut/testing/until.ts";

setDefaultTimeout(30_000);
const installed = postgresBin !== null && Bun.which("redis-server") !== null;

interface Receipt {
  id: string;
  status: string;
}

describe.skipIf(!installed)("the shop", () => {
  const shop = new Shop();
  beforeAll(() => shop.open());
  afterAll(() => shop.close());
  afterEach(async () => {
    await shop.behave({});
    await shop.mitigate("none");
  });

  const bought = async (headers?: Record<string, string>) => {
    const answer = await shop.buy(headers);
    return {
      status: answer.status,
      degraded: answer.headers.get("x-degraded"),
      body: (await answer.json()) as Receipt,
    };
  };
  const statusOf = async (id: string) => ((await (await shop.read(id)).json()) as Receipt).status;
  const chargesOf = async (id: string) =>
    (await shop.charges()).filter((charge) => charge.order_id === id).length;
  const serves = async () => {
    const { status, body } = await bought();
    expect({ status, became: body.status }).toEqual({ status: 201, became: "paid" });
    const read = await shop.read(body.id);
    expect(read.status).toBe(200);
    expect(await read.json()).toMatchObject({ id: body.id, tenant_id: "tenant-01", status: "paid" });
  };
  /** Milliseconds that a read takes, null when it takes more than `limitMs`. */
  const readMs = async (id: string, limitMs: number): Promise<number | null> => {
    const startedMs = performance.now();
    const answer = await Promise.race([shop.read(id).catch(() => null), Bun.sleep(limitMs).then(() => null)]);
    return answer?.status === 200 ? performance.now() - startedMs : null;
  };

  test.each(["none", "all", ...MITIGATIONS])("boots with %s and serves", async (names) => {
    await shop.writeMitigations(names === "none" || names === "all" ? names : [names]);
    await Promise.all(SERVICES.map((name) => shop.kill(name)));
    await Promise.all(SERVICES.map((name) => shop.start(name)));
    const on = names === "all" ? [...MITIGATIONS] : names === "none" ? [] : [names as Mitigation];
    for (const name of SERVICES) {
      const told = await (await fetch(`${shop.url(name)}/mitigations`)).json();
      expect(told).toEqual({ mitigations: on, accepted: [...MITIGATIONS] });
    }
    await serves();
    expect((await fetch(`${shop.url("api")}/healthz`)).status).toBe(200);
    expect((await fetch(`${shop.url("api")}/products/p-0001`)).status).toBe(200);
  });

  test("any two of them serve together, switched while it runs", async () => {
    for (const [i, one] of MITIGATIONS.entries()) {
      for (const other of MITIGATIONS.slice(i + 1)) {
        await shop.mitigate([one, other]);
        await serves();
      }
    }
  });

  test("a checkout that is made again under its key is the same order, charged once, with and without outbox", async () => {
    for (const on of ["none", "outbox", "all"]) {
      await shop.mitigate(on);
      const headers = { "idempotency-key": `again-${on}` };
      const [first, second] = [await bought(headers), await bought(headers)];
      expect(second.body).toEqual(first.body);
      expect(await chargesOf(first.body.id)).toBe(1);
    }
  });

  test("checkouts that hang hold up reads; with bulkheads, switched on meanwhile, they do not", async () => {
    const { id } = (await bought()).body;
    await shop.behave({ mode: "hang" });
    // More than both replicas have workers, and than the api has connections.
    const hanging = Array.from({ length: 80 }, () => shop.buy().catch(() => null));
    await until(
      async () => ((await shop.metric("api", "chaoslab_pool_waiting", '"orders"')) ?? 0) > 0,
      "a full pool",
    );
    expect(await readMs(id, 500)).toBeNull();
    await shop.mitigate(["bulkhead"]);
    for (let i = 0; i < 5; i++) expect(await readMs(id, 500)).not.toBeNull();
    await Promise.all((["payments", "orders-1", "orders-2", "api"] as const).map((name) => shop.kill(name)));
    await Promise.all(hanging);
    await shop.writeMitigations("none");
    await Promise.all((["payments", "orders-1", "orders-2", "api"] as const).map((name) => shop.start(name)));
  });

  test.each([{ mode: "hang" }, { mode: "timeout" }, { error_rate: 1 }])(
    "with all on, while payments does %j a checkout is accepted as pending within a second, and settled after",
    async (behaviour) => {
      await shop.mitigate("all");
      await shop.behave(behaviour);
      const startedMs = performance.now();
      const { status, degraded, body } = await bought();
      expect(performance.now() - startedMs).toBeLessThan(1_000);
      expect({ status, degraded, became: body.status }).toEqual({
        status: 202,
        degraded: "payment-pending",
        became: "pending",
      });
      expect(await statusOf(body.id)).toBe("pending");
      await shop.behave({});
      await until(async () => (await statusOf(body.id)) === "paid", "it to be paid", 15_000);
      expect(await chargesOf(body.id)).toBe(1);
    },
  );

  test("during an outage of payments its circuit opens, degraded answers are quick, and it closes by itself", async () => {
    await shop.mitigate("all");
    await shop.behave({ mode: "hang" });
    const state = async (level: number) =>
      (
        await Promise.all(
          (["orders-1", "orders-2"] as const).map((name) =>
            shop.metric(name, "chaoslab_breaker_state", '"payments"'),
          ),
        )
      ).every((each) => each === level);
    await Promise.all(Array.from({ length: 40 }, () => bought()));
    expect(await state(2)).toBeTrue();
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 10 }, () => bought()));
    expect(performance.now() - startedMs).toBeLessThan(350);
    expect(answers.map((each) => each.status)).toEqual(Array(10).fill(202));
    await shop.behave({});
    await until(async () => {
      await bought();
      return state(0);
    }, "closed circuits");
    await serves();
  });

  test("with timeout a hanging payments costs an error within a second, without it the client waits", async () => {
    await shop.behave({ mode: "hang" });
    await shop.mitigate(["timeout"]);
    const startedMs = performance.now();
    expect((await shop.buy()).status).toBeWithin(502, 505);
    expect(performance.now() - startedMs).toBeLessThan(1_100);
    await shop.mitigate("none");
    const waiting = shop.buy();
    expect(await Promise.race([waiting.then(() => "answered"), Bun.sleep(1_500).then(() => "waiting")])).toBe(
      "waiting",
    );
    await shop.kill("payments");
    await waiting;
    await shop.start("payments");
  });

  test("without catalog, products and prices come from Redis and say so, once catalog_fallback is on", async () => {
    const product = () => fetch(`${shop.url("api")}/products/p-0007`);
    const before = await (await product()).json();
    const copies = new RedisClient(shop.redisUrl);
    await shop.mitigate(["catalog_fallback"]);
    await until(async () => (await copies.get("product-last:p-0003")) !== null, "the copies");
    copies.close();
    await shop.kill("catalog");
    const { status, degraded } = await bought();
    expect({ status, degraded }).toEqual({ status: 201, degraded: "catalog-fallback" });
    const answer = await product();
    expect(answer.headers.get("x-degraded")).toBe("catalog-fallback");
    expect(await answer.json()).toEqual(before);
    await shop.mitigate("none", ["api", "orders-1", "orders-2"]);
    expect((await shop.buy()).status).toBe(502);
    expect((await product()).status).toBe(503);
    await shop.start("catalog");
    await serves();
  });

  test("with draining, replicas that are restarted one after the other lose no request", async () => {
    await shop.writeMitigations(["draining"]);
    await shop.mitigate(["draining"]);
    let stop = false;
    const outcomes: number[] = [];
    const clients = Array.from({ length: 8 }, async (_, i) => {
      for (let n = 0; !stop; n++) {
        const answer = await ((n + i) % 4 === 0 ? shop.buy() : shop.read("o-0000000")).catch(() => null);
        outcomes.push(answer?.status ?? 0);
        await answer?.text();
      }
    });
    for (const name of ["orders-1", "orders-2"] as const) {
      await shop.kill(name, "SIGTERM");
      await shop.start(name);
      await until(
        async () => (await shop.metric("api", "chaoslab_replica_ready", shop.url(name))) === 1,
        "its return",
      );
    }
    stop = true;
    await Promise.all(clients);
    expect(outcomes.length).toBeGreaterThan(100);
    expect(outcomes.filter((status) => status !== 200 && status !== 201)).toEqual([]);
    await shop.writeMitigations("none");
  });
});
