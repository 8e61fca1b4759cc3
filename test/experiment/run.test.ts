/** `chaoslab run` against a real lab: verdicts, stop conditions, and what is left when it is cut off mid-fault. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { RunDocument } from "../../src/experiment/store.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { Hypothesis, Profile, ScheduleFile } from "../../src/model/schedule.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { chaoslab, hostPicture, oneLine, processes, start } from "../support.ts";

setDefaultTimeout(120_000);

const before = await hostPicture();
const scratch = mkdtempSync(join(tmpdir(), "chaoslab-run-"));
let lab: HostLab;

/** A short run at a modest rate; `windows` and the one hypothesis can be changed. */
function schedule(changes: Partial<Hypothesis> = {}, windows: Partial<Profile> = {}): string {
  const file = join(scratch, `${crypto.randomUUID()}.yaml`);
  const document: ScheduleFile = {
    name: "short",
    seed: 3,
    load: { rate: 100, reads: 0.8, tenants: 20, timeout_s: 2 },
    profiles: { full: { warmup_s: 2, baseline_s: 5, recovery_s: 10, ...windows } },
    // Wide bounds: these tests are about chaoslab, not about how fast this machine is.
    slos: { read_availability: { steady: ">= 90 %", fault: ">= 90 %" } },
    hypotheses: [
      {
        name: "slow-payments",
        sli: "write_p99",
        steady_state: "< 1500 ms",
        slo_threshold: "< 1900 ms",
        fault: { type: "latency", target: "payments", params: { delay_ms: 200 } },
        window_s: 6,
        ...changes,
      },
    ],
  };
  writeFileSync(file, stringify(document));
  return file;
}

const runArgs = (file: string, ...more: string[]): string[] => [
  "run",
  file,
  "--lab",
  "test-x",
  "--out",
  scratch,
  ...more,
];

async function verdictOf(file: string): Promise<{ document: RunDocument; verdict: Verdict }> {
  const { stdout, stderr, code } = await chaoslab(runArgs(file, "--json"));
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
  const document = JSON.parse(stdout) as RunDocument;
  const [verdict] = document.verdicts;
  if (!verdict) throw new Error("no verdict");
  return { document, verdict };
}

async function fabricRules(): Promise<string> {
  const argv = ["ip", "netns", "exec", lab.topology.fabricNamespace, "iptables", "-t", "mangle", "-S"];
  return (await exec(argv)).stdout;
}

const activeFaults = (): number => openFaults(lab.paths.journal).filter((fault) => fault.active).length;
const helpers = (): string[] => processes().filter((argv) => / (load|internal (guard|nfqueue)) /.test(argv));

/** No fault in the kernel or in the journal, and no process of a run. */
async function expectReverted(): Promise<void> {
  await waitFor(() => openFaults(lab.paths.journal).length === 0 && helpers().length === 0, {
    what: "the fault and its processes to be gone",
    timeoutMs: 20_000,
  });
  expect(await fabricRules()).not.toContain("NFQUEUE");
  for (const place of ["payments", "fabric"]) {
    const { stdout } = await exec(["tc", "-n", `chaoslab-test-x-${place}`, "qdisc", "show"]);
    expect(stdout).not.toContain("netem");
  }
}

beforeAll(async () => {
  expect((await chaoslab(["up", "--lab", "test-x"])).code).toBe(0);
  const found = findLab("test-x");
  if (!found) throw new Error("the lab is not there");
  lab = found;
});

afterAll(async () => {
  await chaoslab(["down", "--all"]);
  rmSync(scratch, { recursive: true, force: true });
});

test("a run ends in one JSON document, a folder with all it rests on, and a fault that was seen to land", async () => {
  const { document, verdict } = await verdictOf(schedule());
  expect(document).toMatchObject({ schedule: "short", state: "complete", seed: 3 });
  expect(verdict).toMatchObject({ hypothesis: "slow-payments", result: "held", mttr_s: expect.any(Number) });
  expect(verdict.backend).toBeOneOf(["netem", "nfqueue"]);
  expect(verdict.fault_event).toMatchObject({
    fault_type: "latency",
    target: "payments",
    evidence: { landed: true },
  });
  expect(verdict.blast_radius_endpoints).toEqual([]);
  // 200 ms more on one round trip of each checkout; noise only adds.
  expect((verdict.fault_p99 ?? 0) - 40).toBeGreaterThan(200);
  expect(verdict.fault_p99 ?? 0).toBeGreaterThan((verdict.baseline_p99 ?? 0) + 100);
  const window = ((verdict.fault_event?.t_stop ?? 0) - (verdict.fault_event?.t_start ?? 0)) / 1000;
  expect(window).toBeGreaterThan(5.5);
  expect(window).toBeLessThan(10);

  const files = readdirSync(document.folder);
  expect(files).toEqual(
    expect.arrayContaining([
      "verdicts.json",
      "schedule.yaml",
      "report.md",
      "history-slow-payments.ndjson",
      "chart-slow-payments.svg",
    ]),
  );
  const read = (name: string): string => readFileSync(join(document.folder, name), "utf8");
  expect(JSON.parse(read("verdicts.json"))).toEqual(document);
  expect(read("report.md")).toContain("## slow-payments: held");
  const history = read("history-slow-payments.ndjson").trimEnd().split("\n");
  const kinds = new Set(history.map((line) => (JSON.parse(line) as { kind: string }).kind));
  expect([...kinds].sort()).toEqual([
    "fault",
    "nodes",
    "phase",
    "revert",
    "scrape",
    "start",
    "summary",
    "tick",
  ]);
  expect(read("seconds-slow-payments.csv").split("\n").length).toBeGreaterThan(40);
  await expectReverted();
});

test("the stop condition reverts early, and the verdict says so", async () => {
  const stop_condition = { sli: "read_p99", threshold: "> 0.001 ms", for_s: 3 } as const;
  const { verdict } = await verdictOf(schedule({ stop_condition, window_s: 60 }));
  expect(verdict.stopped_by?.sli).toBe("read_p99");
  expect(verdict.stopped_by?.after_s ?? 99).toBeLessThan(15);
  const { t_start = 0, t_stop } = verdict.fault_event ?? {};
  expect(((t_stop ?? 0) - t_start) / 1000).toBeLessThan(20);
  expect(verdict.reasons.join()).toContain("stop condition on read_p99");
  expect(verdict.result).not.toBe("held");
});

describe("inconclusive:", () => {
  test("an unsteady baseline, and then no fault is injected at all", async () => {
    const { verdict } = await verdictOf(schedule({ steady_state: "< 1 ms" }));
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("baseline was not steady");
    expect(verdict.fault_event).toBeNull();
  });

  test("a fault that touched no packet", async () => {
    // Payments never talks to Redis.
    const fault = { type: "latency", target: "payments", params: { delay_ms: 200, peer: "redis" } } as const;
    const finished = await chaoslab(
      runArgs(schedule({ fault }), "--json", "--fail-on", "failed,inconclusive"),
    );
    expect(finished.code).toBe(99);
    const [verdict] = (JSON.parse(finished.stdout) as RunDocument).verdicts;
    expect(verdict?.result).toBe("inconclusive");
    expect(verdict?.reasons.join()).toContain("not seen to land");
  });
});

/** Starts a long run and returns when its fault is in force. */
async function runUntilFault(): Promise<ReturnType<typeof start>> {
  const child = start(runArgs(schedule({ window_s: 300 }, { warmup_s: 0 })));
  await waitFor(() => activeFaults() === 1, { what: "the fault to be injected", timeoutMs: 60_000 });
  return child;
}

describe("cut off in the middle of a fault on a lab that was up, the fault is undone and the lab stays:", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(signal, async () => {
      const child = await runUntilFault();
      child.kill(signal);
      // A second one must not shorten the undoing.
      child.kill(signal);
      const stderr = await child.stderr.text();
      expect(await child.exited).toBe(105);
      expect(stderr.trimEnd().split("\n").at(-1)).toStartWith("chaoslab: stopped by");
      expect(helpers()).toEqual([]);
      await expectReverted();
      expect((await lab.nodes()).every((node) => node.state === "ready")).toBeTrue();
    });
  }

  test("SIGKILL", async () => {
    const child = await runUntilFault();
    const killed = performance.now();
    child.kill("SIGKILL");
    await waitFor(() => activeFaults() === 0, { what: "the guard to revert", timeoutMs: 15_000 });
    expect(performance.now() - killed).toBeLessThan(10_000);
    await expectReverted();
    expect((await lab.nodes()).every((node) => node.state === "ready")).toBeTrue();
  });

  test("and the next run works as if nothing had happened", async () => {
    const { verdict } = await verdictOf(schedule());
    expect(verdict.result).toBe("held");
  });
});

test("a second run in the same lab is refused while the first goes on", async () => {
  const first = await runUntilFault();
  try {
    const second = await chaoslab(runArgs(schedule(), "--quiet"));
    expect(second.code).toBe(8);
    expect(oneLine(second)).toContain("another run");
  } finally {
    first.kill("SIGINT");
    await first.exited;
  }
  await expectReverted();
});

test("a schedule for another number of tenants than the lab has is refused", async () => {
  const file = schedule();
  writeFileSync(file, readFileSync(file, "utf8").replace("tenants: 20", "tenants: 7"));
  const finished = await chaoslab(runArgs(file, "--quiet"));
  expect(finished.code).toBe(104);
  expect(oneLine(finished)).toContain("load.tenants");
});

describe("a run that booted its lab takes it down, whatever ends it:", () => {
  const own = (file: string): string[] => ["run", file, "--lab", "test-o", "--out", scratch];

  test("its own end", async () => {
    const { code, stdout } = await chaoslab(own(schedule()));
    expect(code).toBe(0);
    expect(stdout).toContain("slow-payments: HELD");
    expect(findLab("test-o")).toBeNull();
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    test(`${signal} in the middle of a fault`, async () => {
      const child = start(own(schedule({ window_s: 300 }, { warmup_s: 0 })));
      await waitFor(
        () => {
          const found = findLab("test-o");
          return found && openFaults(found.paths.journal).some((fault) => fault.active);
        },
        { what: "the fault to be injected", timeoutMs: 60_000 },
      );
      child.kill(signal);
      await child.exited;
      await waitFor(() => !findLab("test-o"), { what: "the lab to be gone", timeoutMs: 30_000 });
      expect((await exec(["ip", "netns", "list"])).stdout).not.toContain("chaoslab-test-o-");
    });
  }
});

test("afterwards the host is as it was", async () => {
  expect((await chaoslab(["down", "--lab", "test-x"])).code).toBe(0);
  await waitFor(async () => Bun.deepEquals(await hostPicture(), before), {
    what: "a clean host",
    timeoutMs: 15_000,
  }).catch(() => {});
  expect(await hostPicture()).toEqual(before);
});
