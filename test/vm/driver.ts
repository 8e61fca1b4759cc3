/**
 * The program that scripts/test-vm compiles into its virtual machine: the whole life of a lab on a stock kernel, with
 * cgroup v2 and netem, by the built binary. Add a check to CHECKS, or a fault in one of the files of faults.ts.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { RunDocument } from "../../src/experiment/store.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { cgroupDirs, cgroupLayout, cgroupProcesses } from "../../src/lab/host/cgroup.ts";
import type { LabDocument } from "../../src/lab/host/manage.ts";
import { NODE_NAMES } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { ScheduleFile } from "../../src/model/schedule.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { hostPicture } from "../support.ts";
import { byHandChecks } from "./by-hand.ts";
import { type Check, runChecks } from "./check.ts";
import { faultChecks } from "./faults.ts";
import { chaoslab, checkoutMs, LAB, lab, start } from "./machine.ts";
import { qdiscs } from "./packet-faults.ts";

/** Well above what emulation adds to a slow request by chance. */
const DELAY_MS = 2_000;

/** A short run at a rate, and with bounds, that emulation can keep: it is about the mechanisms, not about speed. */
function schedule(windowS: number): string {
  const path = `/tmp/vm-${windowS}.yaml`;
  const wide = { steady: "< 15 s", fault: "< 19 s" };
  const document: ScheduleFile = {
    name: "stock-kernel",
    seed: 1,
    load: { rate: 3, reads: 0.4, tenants: 20, timeout_s: 20 },
    profiles: { full: { warmup_s: 5, baseline_s: 10, recovery_s: 10 } },
    slos: { read_availability: { steady: ">= 50 %", fault: ">= 50 %" }, write_p99: wide },
    hypotheses: [
      {
        name: "slow-payments",
        sli: "write_p99",
        steady_state: wide.steady,
        slo_threshold: wide.fault,
        fault: { type: "latency", target: "payments", params: { delay_ms: DELAY_MS } },
        window_s: windowS,
      },
    ],
  };
  writeFileSync(path, stringify(document));
  return path;
}

const runArgs = (windowS: number): string[] => [
  "run",
  schedule(windowS),
  "--lab",
  LAB,
  "--out",
  "/tmp/results",
];

/** The nodes by name, each with how often it was started again; all of them are ready. */
async function readyNodes(): Promise<Map<string, number>> {
  const [document] = JSON.parse(await chaoslab("status", "--lab", LAB, "--json")) as LabDocument[];
  const nodes = document?.nodes ?? [];
  assert.deepEqual(
    nodes.filter(({ state }) => state !== "ready"),
    [],
  );
  return new Map(nodes.map(({ name, restarts }) => [name, restarts]));
}

/** Under emulation each service's first requests take seconds, which would fill a run's baseline. */
async function quickCheckouts(): Promise<void> {
  const quick = async (): Promise<boolean> => (await checkoutMs()) < 500;
  await waitFor(quick, { what: "quick checkouts", timeoutMs: 100_000 });
}

let before: Record<string, unknown>;

const CHECKS: readonly Check[] = [
  {
    name: "up: every node becomes ready",
    timeoutMs: 180_000,
    vital: true,
    async run() {
      before = await hostPicture();
      await chaoslab("up", "--lab", LAB);
    },
  },
  {
    name: "status --json: every node is ready, none was restarted",
    timeoutMs: 20_000,
    run: async () => assert.deepEqual(await readyNodes(), new Map(NODE_NAMES.map((name) => [name, 0]))),
  },
  {
    name: "every node has a cgroup v2 of its own with the cpu and memory controllers",
    timeoutMs: 20_000,
    async run() {
      const layout = cgroupLayout();
      assert.equal(layout.version, 2);
      for (const { name, pid } of await lab().nodes()) {
        const [dir = ""] = cgroupDirs(layout, LAB, name);
        assert.match(readFileSync(join(dir, "cgroup.controllers"), "utf8"), /\bcpu\b.*\bmemory\b/);
        assert.ok(cgroupProcesses(layout, LAB, name).includes(pid ?? -1), `${name} is not in ${dir}`);
      }
    },
  },
  {
    name: "checkouts are paid, and take less than half a second once the services' code is warm",
    timeoutMs: 120_000,
    run: quickCheckouts,
  },
  {
    name: "run: netem's delay landed, is in the p99, and the verdict says so",
    timeoutMs: 300_000,
    async run() {
      const trial = async (): Promise<Verdict | undefined> =>
        (JSON.parse(await chaoslab(...runArgs(10), "--json")) as RunDocument).verdicts[0];
      // Beside other work emulation may stand still for seconds, and spoil a baseline: once that is forgiven, whether it was
      // seen before the fault or only when the last answer of the baseline had come.
      const first = await trial();
      const isSpoilt = first?.fault_event === null || first?.result === "inconclusive";
      const verdict = isSpoilt ? await trial() : first;
      assert.ok(verdict?.fault_event, `no fault was injected: ${verdict?.reasons.join("; ")}`);
      const { backend, baseline_p99, fault_p99, fault_event } = verdict;
      assert.equal(backend, "netem");
      assert.ok(fault_event.evidence?.landed, fault_event.evidence?.detail ?? "no evidence");
      assert.notEqual(fault_event.t_stop, null, "the fault was not reverted");
      const [calm, under] = [baseline_p99 ?? Number.NaN, fault_p99 ?? Number.NaN];
      const figures = `p99 ${calm.toFixed(0)} ms before the fault, ${under.toFixed(0)} ms under it`;
      // Beside other work an emulated machine may take longer by itself, and then the baseline is nothing to go by.
      assert.ok(under >= Math.max(DELAY_MS, calm < DELAY_MS ? calm + DELAY_MS / 2 : 0), figures);
      // Beside other work an emulated generator may fall behind, and then the verdict rightly says so.
      if (!verdict.load.generator_saturated)
        assert.notEqual(verdict.result, "inconclusive", verdict.reasons.join("; "));
      assert.doesNotMatch(await qdiscs(), /netem/);
      return figures;
    },
  },
  {
    name: "SIGKILL of a run in the middle of its fault: the fault leaves the kernel, the lab stays",
    timeoutMs: 260_000,
    async run() {
      const nodes = await readyNodes();
      let child = start(runArgs(300));
      let said = child.stderr.text();
      const injected = async (): Promise<boolean> => {
        // A run whose baseline emulation has spoilt injects nothing and ends: then another one is tried.
        if (child.exitCode !== null) {
          process.stderr.write(await said);
          child = start(runArgs(300));
          said = child.stderr.text();
        }
        return (await qdiscs()).includes("netem");
      };
      await waitFor(injected, { what: "the fault to be in the kernel", timeoutMs: 200_000 });
      child.kill("SIGKILL");
      await waitFor(async () => !(await qdiscs()).includes("netem"), {
        what: "the fault to leave the kernel",
        timeoutMs: 20_000,
      });
      await waitFor(() => openFaults(lab().paths.journal).length === 0, {
        what: "the journal to be closed",
        timeoutMs: 20_000,
      });
      assert.deepEqual(await readyNodes(), nodes);
    },
  },
  ...faultChecks,
  ...byHandChecks,
  {
    name: "after all these faults no fault is open, every node is ready, and checkouts are as quick as before",
    timeoutMs: 120_000,
    async run() {
      assert.deepEqual(openFaults(lab().paths.journal), []);
      await readyNodes();
      await quickCheckouts();
    },
  },
  {
    name: "down: no namespace, link, route, rule, cgroup, mount, loop device, file or process is left",
    timeoutMs: 60_000,
    async run() {
      await chaoslab("down", "--lab", LAB);
      await waitFor(async () => Bun.deepEquals(await hostPicture(), before), {
        what: "the host to look as before",
        timeoutMs: 10_000,
      }).catch(() => {});
      assert.deepEqual(await hostPicture(), before);
    },
  },
];

// A fault's helper process is another copy of whoever injects it. Here that is this program.
if (process.argv[2] === "internal") await import("../../src/main.ts");
else process.exit(await runChecks(CHECKS, (line) => process.stdout.write(`${line}\n`)));
