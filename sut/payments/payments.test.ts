import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Env } from "../common/config.ts";
import { Log } from "../common/log.ts";
import { Metrics } from "../common/metrics.ts";
import type { Service } from "../common/service.ts";
import { Mitigations } from "../resilience/mitigations.ts";
import { Resilience } from "../resilience/resilience.ts";
import type { Charge } from "./ledger.ts";
import { payments } from "./payments.ts";

const SERVICE_TIME_MS = 5;

describe("the payments service", () => {
  let folder: string;
  let service: Service;
  let url: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "payments-"));
    const values = { LEDGER_PATH: join(folder, "ledger.db"), SERVICE_TIME_MS: String(SERVICE_TIME_MS) };
    const metrics = new Metrics("payments");
    service = payments({
      env: new Env("payments", values),
      name: "payments",
      metrics,
      log: new Log("payments", () => {}),
      resilience: new Resilience(new Mitigations(), metrics),
    });
    service.app.listen({ hostname: "127.0.0.1", port: 0, reusePort: false, idleTimeout: 0 });
    url = `http://127.0.0.1:${service.app.server?.port}`;
  });
  afterEach(async () => {
    await service.app.server?.stop(true);
    await service.close?.();
    rmSync(folder, { recursive: true });
  });

  const json = { "content-type": "application/json" };
  const charge = (key: string, giveUpMs = 5_000) =>
    fetch(`${url}/charges`, {
      method: "POST",
      headers: { ...json, "idempotency-key": key },
      body: JSON.stringify({ order_id: key, tenant_id: "tenant-01", amount_cents: 500 }),
      signal: AbortSignal.timeout(giveUpMs),
    });
  const behave = (behaviour: unknown) =>
    fetch(`${url}/behaviour`, { method: "PUT", headers: json, body: JSON.stringify(behaviour) });
  const ledger = async () => (await fetch(`${url}/ledger`)).json();

  test("simultaneous charges of one key are answered alike and charge once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => charge("o-1")));
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(19).fill(200), 201]);
    const rows = await Promise.all(answers.map((answer) => answer.json() as Promise<Charge>));
    expect(new Set(rows.map((row) => row.rowid)).size).toBe(1);
    expect(await ledger()).toEqual({ charges: 1, amount_cents: 500 });
  });

  test("an outage answers 503 and charges nothing, and ends with DELETE", async () => {
    await behave({ error_rate: 1 });
    expect((await charge("o-1")).status).toBe(503);
    expect(await ledger()).toEqual({ charges: 0, amount_cents: 0 });
    await fetch(`${url}/behaviour`, { method: "DELETE" });
    expect((await charge("o-1")).status).toBe(201);
  });

  test("hang: no answer and no charge; timeout: no answer, but the money is taken", async () => {
    await behave({ mode: "hang" });
    await expect(charge("o-1", 100)).rejects.toThrow("timed out");
    expect(await ledger()).toEqual({ charges: 0, amount_cents: 0 });
    await behave({ mode: "timeout" });
    await expect(charge("o-1", 100)).rejects.toThrow("timed out");
    expect(await ledger()).toEqual({ charges: 1, amount_cents: 500 });
    await behave({});
    expect((await charge("o-1")).status).toBe(200);
  });

  test("the added delay is added", async () => {
    await behave({ delay_ms: 80 });
    const startedMs = performance.now();
    await charge("o-1");
    expect(performance.now() - startedMs).toBeWithin(80, 200);
  });

  test("clients that give up are not in flight for ever", async () => {
    await behave({ mode: "hang" });
    await Promise.allSettled([charge("o-1", 50), charge("o-2", 50)]);
    const inFlight = async () =>
      /^chaoslab_http_requests_in_flight\{.*\} (\d+)$/m.exec(
        await (await fetch(`${url}/metrics`)).text(),
      )?.[1];
    const deadline = performance.now() + 2_000;
    while ((await inFlight()) !== "0" && performance.now() < deadline) await Bun.sleep(10);
    expect(await inFlight()).toBe("0");
  });

  test.each(['{"error_rate":1.5}', '{"mode":"sleepy"}', '{"delay":5}', '{"delay_ms":-1}'])(
    "behaviour %p is refused",
    async (wrong) => {
      expect((await behave(JSON.parse(wrong))).status).toBe(422);
      expect(await (await fetch(`${url}/behaviour`)).json()).toEqual({
        error_rate: 0,
        delay_ms: 0,
        mode: "normal",
      });
    },
  );

  test("an audit can page through the ledger", async () => {
    await Promise.all(["o-1", "o-2", "o-3"].map((key) => charge(key)));
    const page = (await (await fetch(`${url}/ledger/charges?after=1&limit=1`)).json()) as {
      charges: Charge[];
    };
    expect(page.charges).toHaveLength(1);
    expect(page.charges[0]).toMatchObject({ rowid: 2, amount_cents: 500, tenant_id: "tenant-01" });
    expect((await fetch(`${url}/charges/o-2`)).status).toBe(200);
    expect((await fetch(`${url}/charges/o-9`)).status).toBe(404);
  });
});
