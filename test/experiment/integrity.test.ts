/** Integrity of a real lab: that it holds at work and at rest, and that whatever is planted is named. */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { linesOf } from "../../src/cli/lines.ts";
import { checkIntegrity } from "../../src/experiment/integrity/check.ts";
import {
  beginIntegrity,
  type CollectOptions,
  collectIntegrity,
  type IntegrityStart,
} from "../../src/experiment/integrity/collect.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { databaseUrl } from "../../src/lab/host/nodes.ts";
import type { IntegrityReport, Invariant, InvariantState } from "../../src/model/integrity.ts";
import type { ClientRecord, LoadRecord } from "../../src/model/load.ts";
import { chaoslab, hostPicture, oneLine, start } from "../support.ts";

setDefaultTimeout(90_000);

const LAB = "test-i";
const before = await hostPicture();
let lab: HostLab;
let primary: Sql;
let replica: Sql;
let ledger: Database;

const connect = (node: "pg-primary" | "pg-replica"): Sql =>
  postgres(databaseUrl(lab, node, "postgres"), { max: 1, onnotice: () => {} });

beforeAll(async () => {
  expect((await chaoslab(["up", "--lab", LAB])).code).toBe(0);
  const found = findLab(LAB);
  if (!found) throw new Error("the lab is not there");
  lab = found;
  primary = connect("pg-primary");
  replica = connect("pg-replica");
  ledger = new Database(join(lab.paths.data("payments"), "ledger.sqlite"));
  ledger.run("pragma busy_timeout = 5000");
});

afterAll(async () => {
  ledger.close();
  await Promise.all([primary.end({ timeout: 1 }), replica.end({ timeout: 1 })]);
  await chaoslab(["down", "--lab", LAB]);
});

/** Undone in reverse: what one test plants is not the next one's. */
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

const loadArgs = (reads: number, rate: number, seconds: number): string[] => [
  ...["load", lab.apiUrl, "--mix", "shop", `--reads=${reads}`, `--rate=${rate}`, `--for=${seconds}s`],
  ...["--check", "--stream", "--quiet"],
];

/** What a client of a short load was told. */
async function shop(): Promise<ClientRecord> {
  const { code, stdout } = await chaoslab(loadArgs(0.5, 60, 2));
  expect(code).toBe(0);
  const record: ClientRecord = { acknowledged: [], foreign_reads: [] };
  for (const line of stdout.trimEnd().split("\n")) {
    const each = JSON.parse(line) as LoadRecord;
    if (each.kind !== "tick") continue;
    record.acknowledged.push(...(each.record?.acknowledged ?? []));
    record.foreign_reads.push(...(each.record?.foreign_reads ?? []));
  }
  expect(record.acknowledged.length).toBeGreaterThan(30);
  return record;
}

async function charge(orderId: string, key: string, tenant = "tenant-01", amount = 500): Promise<void> {
  const answer = await fetch(`${lab.topology.url("payments")}/charges`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify({ order_id: orderId, tenant_id: tenant, amount_cents: amount }),
  });
  expect(answer.status).toBe(201);
  undo.push(() => ledger.run("delete from charges where key = ?", [key]));
}

async function insert(
  id: string,
  status: "pending" | "paid" | "failed",
  createdAt = new Date(),
): Promise<void> {
  await primary`
    insert into orders (id, tenant_id, product_id, quantity, amount_cents, status, created_at)
    values (${id}, 'tenant-01', 'p-0001', 1, 500, ${status}, ${createdAt})`;
  undo.push(() => primary`delete from orders where id = ${id}`);
}

/** Payments answers every charge with a 5xx, until the test is over. */
async function refuseCharges(): Promise<void> {
  const url = `${lab.topology.url("payments")}/behaviour`;
  const body = JSON.stringify({ error_rate: 1, delay_ms: 0, mode: "normal" });
  const answer = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body,
  });
  expect(answer.status).toBe(200);
  undo.push(() => fetch(url, { method: "DELETE" }));
}

async function report(begun: IntegrityStart, options: Partial<CollectOptions> = {}) {
  const started = performance.now();
  const facts = await collectIntegrity(lab, begun, { pendingBoundS: 2, deadlineMs: 20_000, ...options });
  const ms = performance.now() - started;
  return { facts, ms, ...checkIntegrity(facts) };
}

const stateOf = ({ outcomes }: IntegrityReport, invariant: Invariant): InvariantState | undefined =>
  outcomes.find((each) => each.invariant === invariant)?.state;
const violated = ({ outcomes }: IntegrityReport): Record<string, string[]> =>
  Object.fromEntries(
    outcomes.filter(({ state }) => state === "violated").map(({ invariant, ids }) => [invariant, ids]),
  );

/** `chaoslab integrity`, with a bound that does not keep anybody waiting. */
async function command(code: number): Promise<IntegrityReport> {
  const finished = await chaoslab(["integrity", "--lab", LAB, "--json", "--pending-bound", "1s"]);
  expect([finished.code, finished.stderr]).toEqual([code, ""]);
  return JSON.parse(finished.stdout);
}

describe("a sound lab", () => {
  test("holds in all that the client, the ledger and the databases tell, from the run's start on", async () => {
    await shop();
    const begun = await beginIntegrity(lab);
    const client = await shop();
    const found = await report(begun, { client: { ...client, reads: 60 } });
    expect(found.facts.problems).toEqual([]);
    const states = found.outcomes.filter(({ invariant }) => invariant !== "one_lease_holder");
    expect(states.filter(({ state }) => state !== "holds")).toEqual([]);
    expect(found.facts.primary).toHaveLength(client.acknowledged.length);
    expect(found.facts.charges).toHaveLength(client.acknowledged.length);
    const [first] = found.outcomes;
    expect(first).toMatchObject({ checked: client.acknowledged.length, violations: 0 });
  });

  test("holds by `chaoslab integrity` since its boot, without its seeded orders; what only a client knows is unknown", async () => {
    const found = await command(0);
    expect(violated(found)).toEqual({});
    for (const each of ["acknowledged_in_primary", "acknowledged_on_replica", "reads_own_tenant"] as const)
      expect(stateOf(found, each)).toBe("unknown");
    for (const each of ["charge_has_order", "paid_has_charge", "charged_once", "pending_settled"] as const)
      expect(stateOf(found, each)).toBe("holds");
    const [orders] = await primary`select count(*)::int as n from orders where length(id) > 9`;
    expect(found.outcomes.find((each) => each.invariant === "pending_settled")?.checked).toBe(orders?.n);
    const words = await chaoslab(["integrity", "--lab", LAB]);
    expect(words.code).toBe(0);
    expect(words.stdout).toMatch(/^charged_once +holds +\d+ +0 /m);
    expect(words.stdout).toEndWith("nothing is violated\n");
  });

  test("holds while orders are being made: what is under way is nobody's fault", async () => {
    const load = start(loadArgs(0, 100, 60));
    try {
      const records = linesOf(load.stdout);
      while (!(await records.next()).value?.includes('"kind":"tick"'));
      const counts: number[] = [];
      for (let i = 0; i < 8; i++) {
        const found = await command(0);
        expect(violated(found)).toEqual({});
        counts.push(found.outcomes.find(({ invariant }) => invariant === "charge_has_order")?.checked ?? 0);
      }
      // Orders were being made indeed.
      expect(counts.at(-1)).toBeGreaterThan((counts[0] ?? 0) + 20);
    } finally {
      load.kill("SIGKILL");
      await load.exited;
    }
  });

  test("10,000 orders are collected in a moment", async () => {
    const begun = await beginIntegrity(lab);
    undo.push(
      () => primary`delete from orders where id like 'o-many-%'`,
      () => ledger.run("delete from charges where key like 'o-many-%'"),
    );
    await primary`
      insert into orders (id, tenant_id, product_id, quantity, amount_cents, status)
      select 'o-many-' || lpad(i::text, 29, '0'), 'tenant-01', 'p-0001', 1, 500, 'paid'
      from generate_series(1, 10000) i`;
    const add = ledger.prepare(
      "insert into charges (key, order_id, tenant_id, amount_cents, created_at_ms) values (?1, ?1, 'tenant-01', 500, ?2)",
    );
    ledger.transaction(() => {
      for (let i = 1; i <= 10_000; i++) add.run(`o-many-${String(i).padStart(29, "0")}`, Date.now());
    })();
    // Not the planting's own waiting for the replica.
    await report(begun);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const found = await report(begun);
      expect(found.facts.primary?.filter(({ id }) => id.startsWith("o-many-"))).toHaveLength(10_000);
      expect([found.violations, stateOf(found, "paid_has_charge")]).toEqual([0, "holds"]);
      times.push(found.ms);
    }
    console.log(`10,000 orders collected in ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(Math.min(...times)).toBeLessThan(2_000);
  });
});

describe("planted, and named by `chaoslab integrity`:", () => {
  test("a charge of an order that does not exist", async () => {
    await charge("o-orphan", "k-orphan");
    expect(violated(await command(99))).toEqual({ charge_has_order: ["o-orphan"] });
    const { code, stdout } = await chaoslab(["integrity", "--lab", LAB, "--pending-bound", "1s"]);
    expect(code).toBe(99);
    expect(stdout).toMatch(/^charge_has_order +violated .* 1 charged without an order$/m);
    expect(stdout).toContain("charge_has_order:\n  o-orphan\n");
  });

  test("a paid order without a charge", async () => {
    await insert("o-unpaid", "paid");
    expect(violated(await command(99))).toEqual({ paid_has_charge: ["o-unpaid"] });
  });

  test("a second charge under another key", async () => {
    await insert("o-twice", "paid");
    await charge("o-twice", "o-twice");
    expect(violated(await command(0))).toEqual({});
    await charge("o-twice", "o-twice-again");
    expect(violated(await command(99))).toEqual({ charged_once: ["o-twice"] });
  });

  test("a wrong amount, another tenant, a failed order that was charged, one that stays pending: all at once", async () => {
    for (const id of ["o-amount", "o-tenant"]) await insert(id, "paid");
    await insert("o-failed", "failed");
    await charge("o-amount", "o-amount", "tenant-01", 501);
    await charge("o-tenant", "o-tenant", "tenant-02");
    await charge("o-failed", "o-failed");
    // Or the reconciler, which looks once a second, may settle it meanwhile.
    await refuseCharges();
    await insert("o-pending", "pending", new Date(Date.now() - 3_600_000));
    expect(violated(await command(99))).toEqual({
      charged_right_amount: ["o-amount", "o-tenant"],
      failed_not_charged: ["o-failed"],
      pending_settled: ["o-pending"],
    });
  });
});

describe("planted, and named from what the client was told:", () => {
  test("an order that was deleted after it was acknowledged", async () => {
    const begun = await beginIntegrity(lab);
    const client = await shop();
    const id = client.acknowledged[7]?.id ?? "";
    await primary`delete from orders where id = ${id}`;
    undo.push(() => ledger.run("delete from charges where order_id = ?", [id]));
    expect(violated(await report(begun, { client }))).toEqual({
      acknowledged_in_primary: [id],
      acknowledged_on_replica: [id],
      charge_has_order: [id],
    });
  });

  test("orders that do not reach the replica", async () => {
    await replica`select pg_wal_replay_pause()`;
    undo.push(() => replica`select pg_wal_replay_resume()`);
    const begun = await beginIntegrity(lab);
    const client = await shop();
    const found = await report(begun, { client });
    expect(Object.keys(violated(found))).toEqual(["acknowledged_on_replica"]);
    expect(found.violations).toBe(client.acknowledged.length);
    expect(found.facts.problems.join()).toContain("replica: has not replayed");
    await replica`select pg_wal_replay_resume()`;
    const later = await report(begun, { client });
    expect([later.violations, later.facts.problems]).toEqual([0, []]);
  });
});

/** Until the test is over, payments refuses: the reconciler would settle what is planted as pending. */
async function leavePending(): Promise<void> {
  const url = `${lab.topology.url("payments")}/behaviour`;
  const body = JSON.stringify({ error_rate: 1 });
  const headers = { "content-type": "application/json" };
  expect((await fetch(url, { method: "PUT", headers, body })).status).toBe(200);
  undo.push(() => fetch(url, { method: "DELETE" }));
}

describe("what is under way is looked at again:", () => {
  test("an order that settles, and a charge whose order comes, are no violation", async () => {
    const begun = await beginIntegrity(lab);
    await insert("o-settles", "pending");
    await charge("o-comes", "o-comes");
    const settling = Bun.sleep(1_500).then(async () => {
      await insert("o-comes", "paid");
      await charge("o-settles", "o-settles");
      await primary`update orders set status = 'paid' where id = 'o-settles'`;
    });
    const found = await report(begun, { pendingBoundS: 20, deadlineMs: 30_000 });
    await settling;
    expect(violated(found)).toEqual({});
    expect([stateOf(found, "pending_settled"), stateOf(found, "charge_has_order")]).toEqual([
      "holds",
      "holds",
    ]);
    expect(found.ms).toBeGreaterThan(1_000);
    expect(found.ms).toBeLessThan(15_000);
  });

  test("one that does not is a violation when its bound is over, and undecided when there was no time for that", async () => {
    await leavePending();
    const begun = await beginIntegrity(lab);
    await insert("o-stays", "pending");
    const early = await report(begun, { pendingBoundS: 60, deadlineMs: 500 });
    expect([stateOf(early, "pending_settled"), early.violations]).toEqual(["unknown", 0]);
    const found = await report(begun, { pendingBoundS: 3 });
    expect(violated(found)).toEqual({ pending_settled: ["o-stays"] });
  });

  test("an order that was pending before the run is not the run's", async () => {
    await leavePending();
    await insert("o-before", "pending");
    const found = await report(await beginIntegrity(lab));
    expect([stateOf(found, "pending_settled"), found.facts.primary]).toEqual(["holds", []]);
  });

  test("an order made in the run counts, whatever its clock says", async () => {
    const begun = await beginIntegrity(lab);
    await insert("o-skewed", "paid", new Date(Date.now() - 300_000));
    expect(violated(await report(begun))).toEqual({ paid_has_charge: ["o-skewed"] });
  });
});

describe("what cannot be read is unknown:", () => {
  test("a ledger that does not answer, and the command says so", async () => {
    const stopped = await chaoslab(["inject", "stop", "--lab", LAB, "--target", "payments", "--for", "1m"]);
    expect(stopped.code).toBe(0);
    undo.push(() => chaoslab(["revert", "--all", "--lab", LAB]));
    const { code, stdout, stderr } = await chaoslab(["integrity", "--lab", LAB, "--json"]);
    expect(code).toBe(7);
    expect(stderr).toMatch(/^chaoslab: integrity: ledger: [^\n]+\n$/);
    const found = JSON.parse(stdout) as IntegrityReport;
    expect([stateOf(found, "charged_once"), stateOf(found, "pending_settled")]).toEqual(["unknown", "holds"]);
    expect(found.violations).toBe(0);
  });

  test("no such lab", async () => {
    const finished = await chaoslab(["integrity", "--lab", "nowhere"]);
    expect(finished.code).toBe(6);
    expect(oneLine(finished)).toContain("no lab nowhere");
  });
});

test("afterwards the host is as it was", async () => {
  expect((await chaoslab(["down", "--lab", LAB])).code).toBe(0);
  expect(await hostPicture()).toEqual(before);
});
