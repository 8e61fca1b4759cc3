/** `chaoslab run` against a real lab: verdicts, stop conditions, and what is left when it is cut off mid-fault. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listRuns, type RunDocument, stateOf } from "../../src/experiment/store.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab } from "../../src/lab/host/lab.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { chaoslab, hostPicture, oneLine, start } from "../support.ts";
import { helpers, Runs } from "./kit.ts";

setDefaultTimeout(120_000);

const before = await hostPicture();
let runs: Runs;

beforeAll(async () => {
  runs = await Runs.onLab("test-x");
});

afterAll(async () => {
  await chaoslab(["down", "--all"]);
  rmSync(runs.scratch, { recursive: true, force: true });
});

test("a run ends in one JSON document, a folder with all it rests on, and a fault that was seen to land", async () => {
  const { document, verdict } = await runs.verdictOf(runs.schedule());
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
  // Beyond the windows of the load: its start, the seconds that the fault begins and ends in, and looking at the data.
  const took = (Date.parse(document.ended_at ?? "") - Date.parse(document.started_at)) / 1000;
  console.log(`a run of 23 s of windows took ${took.toFixed(1)} s`);
  expect(took - 23).toBeLessThan(6);
  expect(files).toEqual(
    expect.arrayContaining([
      "verdicts.json",
      "schedule.yaml",
      "report.md",
      "report.html",
      "junit.xml",
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
    "integrity",
    "nodes",
    "phase",
    "revert",
    "scrape",
    "start",
    "summary",
    "system",
    "tick",
  ]);
  expect(read("seconds-slow-payments.csv").split("\n").length).toBeGreaterThan(40);
  await runs.expectReverted();
});

test("the stop condition reverts early, and the verdict says so", async () => {
  const stop_condition = { sli: "read_p99", threshold: "> 0.001 ms", for_s: 3 } as const;
  const { verdict } = await runs.verdictOf(runs.schedule({ hypothesis: { stop_condition, window_s: 60 } }));
  expect(verdict.stopped_by?.sli).toBe("read_p99");
  expect(verdict.stopped_by?.after_s ?? 99).toBeLessThan(15);
  const { t_start = 0, t_stop } = verdict.fault_event ?? {};
  expect(((t_stop ?? 0) - t_start) / 1000).toBeLessThan(20);
  expect(verdict.reasons.join()).toContain("the stop condition (read_p99 > 0.001 ms for 3 s)");
  expect(verdict.result).not.toBe("held");
  const { breach_from_s, after_s = 0, reverted_s = 99, by } = verdict.stopped_by ?? {};
  expect(by).toBe("stop_condition");
  expect(breach_from_s ?? 99).toBeLessThan(5);
  // From the breach: three seconds that it had to last, and hardly more.
  expect(reverted_s - (breach_from_s ?? 0)).toBeGreaterThan(2);
  expect(reverted_s - after_s).toBeLessThan(5);
  expect(verdict.mttr.detect_s).toBe(after_s);
});

describe("inconclusive:", () => {
  test("an unsteady baseline, and then no fault is injected at all", async () => {
    const { verdict } = await runs.verdictOf(runs.schedule({ hypothesis: { steady_state: "< 1 ms" } }));
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons.join()).toContain("baseline was not steady");
    expect(verdict.fault_event).toBeNull();
  });

  test("a fault that touched no packet", async () => {
    // Payments never talks to Redis.
    const fault = { type: "latency", target: "payments", params: { delay_ms: 200, peer: "redis" } } as const;
    const finished = await chaoslab(
      runs.args(runs.schedule({ hypothesis: { fault } }), "--json", "--fail-on", "failed,inconclusive"),
    );
    expect(finished.code).toBe(99);
    const [verdict] = (JSON.parse(finished.stdout) as RunDocument).verdicts;
    expect(verdict?.result).toBe("inconclusive");
    expect(verdict?.reasons.join()).toContain("not seen to land");
  });
});

const longRun = (): string => runs.schedule({ hypothesis: { window_s: 300 }, windows: { warmup_s: 0 } });

/** A long run whose fault is in force. */
const runUntilFault = () => runs.untilFault(longRun());

/** What the last run of all left. */
function lastRun(): RunDocument {
  const last = listRuns(runs.scratch).at(-1);
  if (!last) throw new Error("no run was kept");
  return last;
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
      await runs.expectReverted();
      expect((await runs.lab.nodes()).every((node) => node.state === "ready")).toBeTrue();
      const { state, verdicts, folder } = lastRun();
      expect(state).toBe("aborted");
      expect(verdicts[0]).toMatchObject({
        result: "inconclusive",
        stopped_by: { by: "signal", condition: signal },
      });
      const { after_s = 0, reverted_s = 99 } = verdicts[0]?.stopped_by ?? {};
      expect(reverted_s - after_s).toBeLessThan(5);
      expect(readFileSync(join(folder, "report.md"), "utf8")).toContain("not completed: aborted");
    });
  }

  test("SIGINT while the recovery is watched: what was seen of the fault is judged", async () => {
    const windows = { warmup_s: 0, recovery_s: 300 };
    const child = await runs.untilFault(runs.schedule({ hypothesis: { window_s: 3 }, windows }));
    await waitFor(() => runs.activeFaults === 0, { what: "the fault's end", timeoutMs: 30_000 });
    await Bun.sleep(2_000);
    child.kill("SIGINT");
    expect(await child.exited).toBe(105);
    const { state, verdicts } = lastRun();
    expect(state).toBe("aborted");
    expect(verdicts[0]).toMatchObject({ result: "inconclusive", stopped_by: null });
    expect(verdicts[0]?.reasons).toContain("the run was cut off before its end");
    expect(verdicts[0]?.fault_event).toMatchObject({ gone: true, evidence: { landed: true } });
    await runs.expectReverted();
  });

  test("SIGKILL", async () => {
    const child = await runUntilFault();
    const killed = performance.now();
    child.kill("SIGKILL");
    await waitFor(() => runs.activeFaults === 0, { what: "the guard to revert", timeoutMs: 15_000 });
    expect(performance.now() - killed).toBeLessThan(10_000);
    await runs.expectReverted();
    expect((await runs.lab.nodes()).every((node) => node.state === "ready")).toBeTrue();
  });

  test("what it left can be read, is said to be incomplete, and is judged by what there is", async () => {
    expect(stateOf(lastRun())).toBe("incomplete");
    const listed = await chaoslab(["runs", "--out", runs.scratch]);
    expect(listed.stdout.trimEnd().split("\n").at(-1)).toContain("incomplete");
    const judged = await chaoslab(["verdict", lastRun().folder, "--json"]);
    const { verdict } = runs.verdictIn(judged.stdout);
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.reasons).toContain("the run was cut off before its end");
    expect(verdict.load.requests).toBe(0);
    expect(verdict.baseline_p99 ?? 0).toBeGreaterThan(0);
  });

  test("and the next run works as if nothing had happened", async () => {
    const { verdict } = await runs.verdictOf(runs.schedule());
    expect(verdict.result).toBe("held");
  });
});

test("a second run in the same lab is refused while the first goes on", async () => {
  const first = await runUntilFault();
  try {
    const second = await chaoslab(runs.args(runs.schedule(), "--quiet"));
    expect(second.code).toBe(8);
    expect(oneLine(second)).toContain("another run");
  } finally {
    first.kill("SIGINT");
    await first.exited;
  }
  await runs.expectReverted();
});

test("a schedule for another number of tenants than the lab has is refused", async () => {
  const file = runs.schedule();
  writeFileSync(file, readFileSync(file, "utf8").replace("tenants: 20", "tenants: 7"));
  const finished = await chaoslab(runs.args(file, "--quiet"));
  expect(finished.code).toBe(104);
  expect(oneLine(finished)).toContain("load.tenants");
});

describe("a run that booted its lab takes it down, whatever ends it:", () => {
  const own = (file: string): string[] => ["run", file, "--lab", "test-o", "--out", runs.scratch];

  test("its own end", async () => {
    const { code, stdout } = await chaoslab(own(runs.schedule()));
    expect(code).toBe(0);
    expect(stdout).toContain("slow-payments: HELD");
    expect(findLab("test-o")).toBeNull();
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    test(`${signal} in the middle of a fault`, async () => {
      const child = start(own(longRun()));
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
