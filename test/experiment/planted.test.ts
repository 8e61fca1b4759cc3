/** Truths planted in a real system, each of which a run must find: a verdict that could not say no would be worth nothing. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupLayout } from "../../src/lab/host/cgroup.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { chaoslab, start } from "../support.ts";
import { type Changes, Runs } from "./kit.ts";

setDefaultTimeout(120_000);

let runs: Runs;
beforeAll(async () => {
  runs = await Runs.onLab("test-p");
});
afterAll(async () => {
  await chaoslab(["down", "--lab", "test-p"]);
  rmSync(runs.scratch, { recursive: true, force: true });
});

/** Undone in reverse after each test. */
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

const payments = (path: string): string => `${runs.lab.topology.url("payments")}${path}`;

/** Payments answers so much later, until the test is over. Not by a fault: chaoslab knows nothing of it. */
async function slowDown(delay_ms: number): Promise<void> {
  const change = {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ delay_ms }),
  };
  expect((await fetch(payments("/behaviour"), change)).status).toBe(200);
  if (undo.length === 0) undo.push(() => fetch(payments("/behaviour"), { method: "DELETE" }));
}

/** Runs while `plant` acts on the system: from the start on, or once the fault is in force. */
async function whilePlanting(
  changes: Changes,
  when: "at the start" | "in the fault",
  plant: (child: ReturnType<typeof start>) => Promise<void>,
): Promise<Verdict> {
  const file = runs.schedule(changes);
  const child =
    when === "in the fault" ? await runs.untilFault(file, "--json") : start(runs.args(file, "--json"));
  const [stdout, stderr] = [child.stdout.text(), child.stderr.text()];
  await plant(child);
  const code = await child.exited;
  if (code !== 0) throw new Error(`exit ${code}: ${await stderr}`);
  return runs.verdictIn(await stdout).verdict;
}

/** With the reasons, should it be another. */
const expectResult = ({ result, reasons }: Verdict, expected: Verdict["result"]): void =>
  expect({ result, reasons }).toEqual({ result: expected, reasons });

const checks = ({ findings }: Verdict): string[] => findings.map(({ check }) => check);

test("a baseline on its way up is inconclusive, though it is inside its bound", async () => {
  const windows = { warmup_s: 3, baseline_s: 24 };
  const verdict = await whilePlanting({ windows }, "at the start", async (child) => {
    for (let delay = 0; child.exitCode === null && delay < 600; delay += 12) {
      await slowDown(delay);
      await Bun.sleep(500);
    }
  });
  expectResult(verdict, "inconclusive");
  expect(checks(verdict)).toContain("baseline_stationary");
  expect(checks(verdict)).not.toContain("baseline_steady");
});

test("a system that never recovers has failed", async () => {
  const verdict = await whilePlanting({}, "in the fault", async () => {
    await Bun.sleep(2_000);
    // Slower than any bound, but not than the client's timeout: the data stays right.
    await slowDown(1_700);
  });
  expectResult(verdict, "failed");
  expect(checks(verdict)).toContain("recovery");
  expect(verdict.mttr_s).toBeNull();
});

test("a reader cut off by a fault on the write side is a cascade", async () => {
  // Checkouts that take 3 s hold every worker of orders, which reads need, too.
  const fault = { type: "latency", target: "payments", params: { delay_ms: 3_000 } } as const;
  const { verdict } = await runs.verdictOf(
    runs.schedule({ hypothesis: { fault, window_s: 10 }, windows: { recovery_s: 15 } }),
  );
  expectResult(verdict, "failed");
  expect(checks(verdict)).toContain("cascade");
  expect(verdict.reasons.join()).toContain("GET /orders/{id} left its SLO");
  expect(verdict.blast_radius_endpoints).toContain("GET /orders/{id}");
  expect(verdict.blast_radius_tenants).toBeGreaterThan(0.5);
  expect(verdict.pools.some(({ exhausted_s }) => exhausted_s >= 5)).toBeTrue();
  expect(verdict.mttr.detect_s ?? 99).toBeLessThan(9);
});

test("a charge that no order stands for is a failure, by its name", async () => {
  const order_id = `o-planted-${crypto.randomUUID()}`;
  const verdict = await whilePlanting({ schedule: { pending_bound_s: 3 } }, "in the fault", async () => {
    const answer = await fetch(payments("/charges"), {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": order_id },
      body: JSON.stringify({ order_id, tenant_id: "tenant-01", amount_cents: 100 }),
    });
    expect(answer.status).toBe(201);
  });
  expectResult(verdict, "failed");
  expect(verdict.findings[0]?.check).toBe("integrity");
  expect(verdict.reasons[0]).toContain(`charge_has_order`);
  expect(verdict.reasons[0]).toContain(order_id);
  const broken = verdict.integrity?.outcomes.filter(({ state }) => state === "violated");
  expect(broken?.map(({ invariant, ids }) => [invariant, ids.length])).toEqual([["charge_has_order", 1]]);
});

/** Moves a process into a cgroup of the test's own that is given so little of a core. */
function starve(pid: number, share: number): void {
  const { version, roots } = cgroupLayout();
  const root = roots.find((each) => version === 2 || readdirSync(each).includes("cpu.cfs_quota_us"));
  if (!root) throw new Error("no cgroup hierarchy with the cpu controller");
  const dir = join(root, "chaoslab-test-starved");
  mkdirSync(dir);
  undo.push(async () => {
    await waitFor(() => readFileSync(join(dir, "cgroup.procs"), "utf8").trim() === "", {
      what: "the starved load to end",
      timeoutMs: 20_000,
    });
    rmdirSync(dir);
  });
  const quota = Math.round(share * 100_000);
  if (version === 2) writeFileSync(join(dir, "cpu.max"), `${quota} 100000`);
  else writeFileSync(join(dir, "cpu.cfs_quota_us"), String(quota));
  writeFileSync(join(dir, "cgroup.procs"), String(pid));
}

/** The pid of the run's load generator. */
function loadPid(): number | null {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (argv.includes("load") && argv.includes(runs.lab.apiUrl)) return Number(pid);
    } catch {
      // It ended while we looked.
    }
  }
  return null;
}

test("a generator without processor time proves nothing, whatever the numbers look like", async () => {
  const verdict = await whilePlanting({}, "in the fault", async () => starve(loadPid() ?? 0, 0.02));
  expectResult(verdict, "inconclusive");
  expect(checks(verdict)).toContain("generator");
  expect(verdict.load.generator_saturated).toBeTrue();
});

test("an error budget that is spent ends the fault at once", async () => {
  // Nine tenths of the provider's answers are refusals: even with three attempts at two hops, a third of 20 checkouts a second fail.
  const fault = { type: "dependency", target: "payments", params: { error_rate_percent: 90 } } as const;
  const slos = {
    read_availability: { steady: ">= 90 %", fault: ">= 90 %" },
    write_error_rate: { steady: "< 1 %", fault: "< 5 %" },
  };
  // One in a hundred of 20 checkouts a second over 0.1 days are 1,728; of these one in a hundred may be spent.
  const error_budget = { window_days: 0.1, max_spend: "1 %" };
  const { verdict } = await runs.verdictOf(
    runs.schedule({ hypothesis: { fault, window_s: 60 }, schedule: { slos, error_budget } }),
  );
  expect(verdict.stopped_by).toMatchObject({ by: "error_budget", sli: "write_error_rate" });
  const { after_s = 99, reverted_s = 99 } = verdict.stopped_by ?? {};
  expect(after_s).toBeLessThan(30);
  expect(reverted_s - after_s).toBeLessThan(5);
  const budget = verdict.error_budgets.find(({ sli }) => sli === "write_error_rate");
  // The second that the fault began in is left out of it.
  expect(budget?.spent_share ?? 0).toBeGreaterThan(0.005);
  expect(verdict.reasons.join()).toContain("the error budget");
});
