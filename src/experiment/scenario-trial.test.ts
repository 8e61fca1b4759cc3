import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { self } from "../lab/process.ts";
import type { Hypothesis } from "../model/schedule.ts";
import { loadSli } from "../model/sli.ts";
import { allowedRequests } from "./budget.ts";
import { rejudge } from "./rejudge.ts";
import { besideScenario } from "./schedule-load.ts";
import { RunFolder, readRun } from "./store.ts";
import { ANY_SYSTEM, anySystem, PHASES, records, type Shape, trial, within } from "./synthetic.ts";
import { judge } from "./verdict.ts";

const inFault =
  (name: string, behaviour: ReturnType<Shape>): Shape =>
  (second, operation) =>
    operation === name && within(second, PHASES.fault) ? behaviour : {};
const [slow] = anySystem.hypotheses;
const { scenario } = anySystem.load;
if (!slow || !scenario) throw new Error("no hypothesis, or no scenario");
const verdictOf = (shape: Shape, hypothesis: Hypothesis = slow) =>
  judge(trial({ schedule: anySystem, hypothesis, tenants: 3, shape }));

describe("a trial on a scenario", () => {
  test("held: nobody asks for orders, money, pools or nodes", () => {
    const verdict = verdictOf(inFault("create order", { ms: 400 }));
    expect(verdict.result).toBe("held");
    expect(verdict.findings.map(({ check }) => check)).toEqual(["slo"]);
    expect(verdict).toMatchObject({ integrity: null, pools: [], amplification: [], nodes_after: [] });
    expect(verdict.load.scenario).toBe("shop");
    expect(verdict.slis.map(({ sli, endpoint }) => [sli, endpoint])).toEqual([
      ["create_p99", "create order"],
      ["read_errors", "read order"],
      ["products", "read product"],
    ]);
    expect(verdict.baseline_p99).toBeCloseTo(50, 0);
    expect(verdict.fault_p99).toBeGreaterThan(399);
  });

  const products = inFault("read product", { failed: 50 });
  test("degraded: by default every operation may feel the fault", () => {
    const verdict = verdictOf(products);
    expect(verdict.result).toBe("degraded");
    expect(verdict.blast_radius_endpoints).toEqual(["read product"]);
    expect(verdict.blast_radius).toMatchObject([
      { sli: "products", tenants: 3, tenants_out: 3, worst_tenant: "tenant-01" },
    ]);
  });

  test("failed: an operation outside of the blast radius that the hypothesis names", () => {
    const verdict = verdictOf(products, { ...slow, blast_radius: ["create order"] });
    expect(verdict.result).toBe("failed");
    expect(verdict.reasons[0]).toStartWith("cascade: read product left its SLO (products)");
  });

  test("tenants have the scenario's names", () => {
    const load = { ...anySystem.load, scenario: { ...scenario, tenants: ["acme", "umbrella"] } };
    const schedule = { ...anySystem, load };
    const { blast_radius } = judge(trial({ schedule, hypothesis: slow, tenants: 2, shape: products }));
    expect(blast_radius[0]?.worst_tenant).toBe("acme");
  });

  test("a server's SLI speaks for none of its operations", () => {
    const schedule = {
      ...anySystem,
      slis: {
        ...anySystem.slis,
        up: { source: "prometheus", query: "up", over: "max", unit: "count" } as const,
      },
    };
    const hypothesis = { ...slow, sli: "up", steady_state: "> 0", slo_threshold: "> 0" };
    const verdict = judge(trial({ schedule, hypothesis }));
    expect(verdict).toMatchObject({ baseline_p99: null, fault_p99: null, fault_err_rate: null });
  });
});

test("an operation's error budget is its share of the requests", () => {
  const allowed = (operation: string): number | null =>
    allowedRequests(loadSli(operation, "error_rate"), { comparison: "<", value: 0.01 }, anySystem.load, 1);
  // Weights 2, 5 and 3 of 10, at 100 requests per second.
  expect(allowed("create order")).toBeCloseTo(0.01 * 20 * 86_400, 3);
  expect(allowed("read order")).toBeCloseTo(0.01 * 50 * 86_400, 3);
});

describe("a kept run", () => {
  const out = mkdtempSync(join(tmpdir(), "chaoslab-scenario-"));
  afterAll(() => rmSync(out, { recursive: true }));

  test("is judged again from its folder alone", () => {
    const folder = new RunFolder(out, "run");
    folder.writeSchedule(besideScenario(ANY_SYSTEM), anySystem.load);
    using history = folder.history(slow.name);
    const shape = inFault("read product", { failed: 50 });
    for (const record of records({ schedule: anySystem, shape })) history.append(record);
    const verdict = judge(trial({ schedule: anySystem, hypothesis: slow, shape }));
    const environment = {
      ...{ chaoslab: "0", bun: "0", kernel: "0", distribution: "none", cpu: "none", cpus: 1 },
      ...{ memory_mib: 1, postgres: "none", redis: "none", cgroup: "none" },
    };
    folder.writeDocument({
      ...{ run: "run", schedule: anySystem.name, state: "complete", owner: self(), seed: 1 },
      ...{ started_at: "2026-11-26T10:00:00.000Z", ended_at: null, profile: "quick", repeats: 1 },
      ...{ rate: anySystem.load.rate, folder: folder.path, environment, verdicts: [verdict], stability: [] },
    });
    const stored = readRun(folder.path);
    expect(stored.schedule.load.scenario).toEqual({
      ...scenario,
      path: join(folder.path, "scenario.yaml"),
    });
    const { document, changed } = rejudge(stored);
    expect(changed).toEqual([]);
    expect(document.verdicts).toEqual([verdict]);
  });
});
