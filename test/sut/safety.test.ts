/**
 * The safety of a payment system, under outbox and degradation: no charge without its order, none twice, no acknowledged
 * order lost, none left pending. Real processes, killed at seeded moments.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import { seeded } from "../../src/model/random.ts";
import { postgresBin } from "../../sut/testing/postgres-server.ts";
import { type ServiceName, Shop } from "../../sut/testing/shop.ts";
import { until } from "../../sut/testing/until.ts";

setDefaultTimeout(120_000);
const installed = postgresBin !== null && Bun.which("redis-server") !== null;

const KILL_FOR_MS = 10_000;
const CLIENTS = 8;

interface Row {
  id: string;
  status: string;
  amount_cents: number;
  idempotency_key: string | null;
}

describe.skipIf(!installed)("money and orders", () => {
  const shop = new Shop();
  const sql = new SQL(shop.postgres.url, { max: 1 });
  beforeAll(() => shop.open());
  afterAll(async () => {
    await sql.close();
    await shop.close();
  });

  const rows = async () => (await sql`select id, status, amount_cents, idempotency_key from orders`) as Row[];
  /** Charges whose order there is not, or is not paid by them. */
  const chargesWithoutOrder = async () => {
    const paid = new Map(
      (await rows()).filter(({ status }) => status === "paid").map((row) => [row.id, row]),
    );
    return (await shop.charges()).filter(
      ({ order_id, amount_cents }) => paid.get(order_id)?.amount_cents !== amount_cents,
    );
  };
  const settled = () =>
    until(
      async () => (await rows()).every(({ status }) => status !== "pending"),
      "no order to be pending",
      30_000,
    );

  /** Buys under one key after the other, each again until it is acknowledged, as a client in earnest does. */
  async function client(
    name: string,
    until: () => boolean,
    acknowledged: Map<string, string>,
  ): Promise<void> {
    for (let n = 0; !until(); n++) {
      const key = `${name}-${n}`;
      while (!acknowledged.has(key)) {
        const answer = await shop.buy({ "idempotency-key": key }).catch(() => null);
        if (answer?.status === 201 || answer?.status === 202) {
          acknowledged.set(key, ((await answer.json()) as { id: string }).id);
        } else {
          await answer?.text();
          await Bun.sleep(20);
        }
      }
    }
  }

  test.each([1])("hold although payments and orders are killed all the time (seed %i)", async (seed) => {
    const on = ["outbox", "degradation"];
    await shop.writeMitigations(on);
    await shop.mitigate(on);
    const random = seeded(seed);
    const victims: ServiceName[] = ["payments", "orders-1", "orders-2"];
    const acknowledged = new Map<string, string>();
    let over = false;
    const clients = Array.from({ length: CLIENTS }, (_, i) =>
      client(`s${seed}-c${i}`, () => over, acknowledged),
    );
    let kills = 0;
    for (const end = performance.now() + KILL_FOR_MS; performance.now() < end; kills++) {
      const victim = victims[Math.floor(random() * victims.length)] ?? "payments";
      await Bun.sleep(50 + random() * 500);
      await shop.kill(victim);
      await Bun.sleep(random() * 200);
      shop.spawn(victim);
    }
    over = true;
    await Promise.all(clients);
    await settled();

    expect(kills).toBeGreaterThan(10);
    expect(acknowledged.size).toBeGreaterThan(100);
    const byKey = new Map((await rows()).map((row) => [row.idempotency_key, row]));
    const charges = Map.groupBy(await shop.charges(), (charge) => charge.order_id);
    expect(await chargesWithoutOrder()).toEqual([]);
    for (const [key, id] of acknowledged) {
      const row = byKey.get(key);
      expect({ key, id: row?.id, status: row?.status }).toEqual({ key, id, status: "paid" });
      expect(charges.get(id)).toHaveLength(1);
    }
  });

  test("charged, and killed before anybody knew: as first written the order is lost, with outbox it is settled", async () => {
    /** A checkout whose charge is made, and whose replicas die before they hear of it. */
    const interrupted = async () => {
      const before = (await shop.charges()).length;
      await shop.behave({ mode: "timeout" });
      const buying = shop.buy().catch(() => null);
      await until(async () => (await shop.charges()).length > before, "the charge");
      await Promise.all((["orders-1", "orders-2", "api"] as const).map((name) => shop.kill(name)));
      await buying;
      await shop.behave({});
      await Promise.all((["orders-1", "orders-2", "api"] as const).map((name) => shop.start(name)));
    };
    await shop.writeMitigations("outbox");
    await shop.mitigate("outbox");
    await interrupted();
    await settled();
    expect(await chargesWithoutOrder()).toEqual([]);

    await shop.writeMitigations("none");
    await shop.mitigate("none");
    await interrupted();
    // Its transaction dies with it; nobody is left who knows of the charge.
    await settled();
    expect(await chargesWithoutOrder()).toHaveLength(1);
  });
});
