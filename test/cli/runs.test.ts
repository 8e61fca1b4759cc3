/** Commands on runs that were kept: what they recorded is made up, the folders and the files are real. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Comparison } from "../../src/experiment/compare.ts";
import { type Judged, retried } from "../../src/experiment/gate.ts";
import type { Plan } from "../../src/experiment/plan.ts";
import { type RunDocument, RunFolder } from "../../src/experiment/store.ts";
import {
  cascade,
  PHASES,
  payments200ms,
  records,
  type Synthetic,
  trial,
  within,
} from "../../src/experiment/synthetic.ts";
import { judge } from "../../src/experiment/verdict.ts";
import { self } from "../../src/lab/process.ts";
import { chaoslab, oneLine } from "../support.ts";

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-runs-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
/** What is made up has nothing to do with what the schedule expects. */
const source = readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8").replaceAll(
  /\n {4}expect: .*/g,
  "",
);

/** Keeps a run as `chaoslab run` would have. */
function keep(run: string, synthetic: Synthetic, changes: Partial<RunDocument> = {}): string {
  const folder = new RunFolder(join(scratch, "results"), run);
  const environment = {
    ...{ chaoslab: "0", bun: "0", kernel: "0", distribution: "none", cpu: "none", cpus: 1, memory_mib: 1 },
    ...{ postgres: "none", redis: "none", cgroup: "none" },
  };
  folder.writeSchedule(source);
  using file = folder.history(payments200ms.name);
  for (const record of records(synthetic)) file.append(record);
  folder.writeDocument({
    ...{
      run,
      schedule: cascade.name,
      state: "complete",
      owner: self(),
      seed: 1,
      rate: 500,
      profile: "quick",
    },
    ...{
      started_at: `2026-11-26T10:00:0${run.at(-1)}.000Z`,
      ended_at: "2026-11-26T10:05:00.000Z",
      repeats: 1,
    },
    ...{ folder: folder.path, environment, verdicts: [judge(trial(synthetic))], stability: [] },
    ...changes,
  });
  return folder.path;
}

const slow: Synthetic = {
  shape: (s, operation) => (operation === "POST /orders" && within(s, PHASES.fault) ? { failed: 20 } : {}),
};
let held: string;
let degraded: string;
let cutOff: string;
beforeAll(() => {
  held = keep("cascade-1", {});
  degraded = keep("cascade-2", slow);
  const gone = { pid: 1, starttime: -1 };
  cutOff = keep("cascade-3", { load: null }, { state: "running", owner: gone, verdicts: [] });
});

test("runs lists them, oldest first, and tells which one was cut off", async () => {
  const { code, stdout } = await chaoslab(["runs", "--out", join(scratch, "results")]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(
    lines.slice(1).map((line) =>
      line
        .split(/\s{2,}/)
        .slice(3)
        .join(" "),
    ),
  ).toEqual([
    `complete ${payments200ms.name} held`,
    `complete ${payments200ms.name} degraded`,
    "incomplete none",
  ]);
  expect((await chaoslab(["runs", "--out", join(scratch, "nowhere")])).stdout).toContain("no runs in");
});

describe("verdict", () => {
  test("comes out the same from the record", async () => {
    const { stdout } = await chaoslab(["verdict", degraded, "--json"]);
    expect(JSON.parse(stdout).verdicts).toEqual(
      JSON.parse(readFileSync(join(degraded, "verdicts.json"), "utf8")).verdicts,
    );
  });

  test("of a run that was cut off is told, and kept when asked to be", async () => {
    const { stdout } = await chaoslab(["verdict", cutOff, "--write"]);
    expect(stdout).toContain(`${payments200ms.name}: was none, is inconclusive`);
    const document = JSON.parse(readFileSync(join(cutOff, "verdicts.json"), "utf8")) as RunDocument;
    expect(document).toMatchObject({ state: "aborted", verdicts: [{ result: "inconclusive" }] });
    for (const name of ["report.md", "report.html", "junit.xml"])
      expect(readFileSync(join(cutOff, name), "utf8")).toContain("cut off before its end");
  });

  test("of no run is refused in one line", async () => {
    const finished = await chaoslab(["verdict", scratch]);
    expect(finished.code).toBe(6);
    expect(oneLine(finished)).toContain("verdicts.json");
  });

  test("of a broken record names its line", async () => {
    const broken = keep("cascade-4", {});
    const file = join(broken, `history-${payments200ms.name}.ndjson`);
    const lines = readFileSync(file, "utf8").split("\n");
    writeFileSync(file, [...lines.slice(0, 3), "{", ...lines.slice(3)].join("\n"));
    const finished = await chaoslab(["verdict", broken]);
    expect(finished.code).toBe(104);
    expect(oneLine(finished)).toContain(`.ndjson:4: not a record`);
    rmSync(broken, { recursive: true });
  });
});

describe("compare", () => {
  test("puts before and after side by side, and says what is better", async () => {
    const { stdout } = await chaoslab(["compare", degraded, held]);
    expect(stdout).toContain(`${payments200ms.name}: degraded -> held, better`);
    const { comparisons } = JSON.parse((await chaoslab(["compare", degraded, held, "--json"])).stdout) as {
      comparisons: Comparison[];
    };
    const errors = comparisons[0]?.changes.find(({ what }) => what === "write_error_rate in the fault");
    expect(errors?.before).toBeCloseTo(0.2, 9);
    expect(errors).toMatchObject({ after: 0, better: "smaller" });
    expect(errors?.delta).toBeCloseTo(-0.2, 9);
  });

  test("writes a page of both, with the curves that either recorded", async () => {
    const page = join(scratch, "pages", "before-after.html");
    expect((await chaoslab(["compare", degraded, held, "--html", page])).code).toBe(0);
    const text = readFileSync(page, "utf8");
    expect(text).toContain(`${payments200ms.name}: degraded -&gt; held, better`);
    expect(text).toContain('"pairs":[[0,1]]');
    const refused = await chaoslab(["compare", degraded, held, "--html", scratch]);
    expect([refused.code, oneLine(refused)]).toEqual([2, expect.stringContaining("--html: ")]);
  });

  test("a hypothesis that is not there is refused with those that are", async () => {
    const finished = await chaoslab(["compare", `${held}#other`, degraded]);
    expect(finished.code).toBe(6);
    expect(oneLine(finished)).toContain(payments200ms.name);
    expect((await chaoslab(["compare", held])).code).toBe(2);
  });
});

describe("gate", () => {
  const baseline = join(scratch, "baselines", "cascade.json");

  test("a baseline that is not there is refused before anything is run", async () => {
    const finished = await chaoslab(["gate", held, "--against", baseline]);
    expect(finished.code).toBe(104);
    expect(oneLine(finished)).toContain("no such file");
    expect((await chaoslab(["gate", held])).code).toBe(2);
  });

  test("what it wrote as baseline passes, and what is worse does not", async () => {
    expect((await chaoslab(["gate", held, "--against", baseline, "--update"])).code).toBe(0);
    expect(await chaoslab(["gate", held, "--against", baseline])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("gate: passed"),
    });
    const junit = join(scratch, "gate.xml");
    const worse = await chaoslab(["gate", degraded, "--against", baseline, "--junit", junit]);
    expect(worse.code).toBe(99);
    expect(worse.stdout).toContain("gate: 1 of 1 regressed");
    const xml = readFileSync(junit, "utf8");
    expect(xml).toContain('failures="1"');
    expect(xml).toContain("degraded, was held");
  });

  test("better than the baseline passes", async () => {
    const lower = join(scratch, "lower.json");
    await chaoslab(["gate", degraded, "--against", lower, "--update"]);
    const { code, stdout } = await chaoslab(["gate", held, "--against", lower]);
    expect(code).toBe(0);
    expect(stdout).toContain("better");
  });

  test("a hypothesis of the baseline that was not run has regressed", async () => {
    const more = join(scratch, "more.json");
    const document = JSON.parse(readFileSync(baseline, "utf8"));
    document.verdicts.push({ hypothesis: "another", result: "failed" });
    writeFileSync(more, JSON.stringify(document));
    const { code, stdout } = await chaoslab(["gate", held, "--against", more]);
    expect(code).toBe(99);
    expect(stdout).toContain("another: it was not run");
  });

  test("a baseline of another schedule or profile, or that is none, is refused", async () => {
    const other = join(scratch, "other.json");
    writeFileSync(other, readFileSync(baseline, "utf8").replace('"quick"', '"full"'));
    const finished = await chaoslab(["gate", held, "--against", other]);
    expect(finished.code).toBe(104);
    expect(oneLine(finished)).toContain("profile full");
    writeFileSync(other, readFileSync(baseline, "utf8").replace('"held"', '"perfect"'));
    const wrong = await chaoslab(["gate", held, "--against", other]);
    expect(wrong.code).toBe(104);
    expect(oneLine(wrong)).toContain('"perfect" is not accepted; one of held');
    const unfinished = await chaoslab(["gate", cutOff, "--against", other, "--update"]);
    expect(unfinished.code).toBe(104);
  });
});

describe("validate and plan", () => {
  test("every committed schedule is fine, and a wrong one is told by its line", async () => {
    const wrong = join(scratch, "wrong.yaml");
    writeFileSync(wrong, source.replace("target: payments", "target: payment"));
    const { code, stdout, stderr } = await chaoslab(["validate", "schedules/cascade.yaml", wrong]);
    expect(code).toBe(104);
    expect(stdout).toContain("schedules/cascade.yaml: ok");
    expect(stderr).toContain("unknown target");
    expect(stderr).toContain("did you mean payments?");
  });

  test("the published JSON Schema is the one that files are checked with", async () => {
    const { stdout } = await chaoslab(["validate", "--schema"]);
    expect(stdout).toBe(
      readFileSync(new URL("../../schedules/schedule.schema.json", import.meta.url), "utf8"),
    );
  });

  test("a plan says what would be done and how it would be undone, and does nothing", async () => {
    const { code, stdout } = await chaoslab([
      "plan",
      "schedules/cascade.yaml",
      "--quick",
      "--lab",
      "no-such-lab",
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/fault latency on payments .* by (netem|nfqueue)/);
    expect(stdout).toMatch(/undo {2}(netem|nfqueue) \{/);
    expect(stdout).toContain("is booted for it");
    expect((await chaoslab(["status", "--lab", "no-such-lab"])).code).not.toBe(0);
  });

  test("a profile that is not there is refused with those that are", async () => {
    const finished = await chaoslab(["plan", "schedules/cascade.yaml", "--profile", "quik"]);
    expect(finished.code).toBe(2);
    expect(oneLine(finished)).toContain("did you mean quick?");
  });
});

test("gate: what got worse is run again, and counts when it stays so", async () => {
  const judged = (hypothesis: string, state: Judged["state"]): Judged => {
    const result = state === "regressed" ? "failed" : "held";
    return { hypothesis, baseline: "held", result, state, reasons: [] };
  };
  const first = [judged("a", "same"), judged("b", "regressed"), judged("c", "regressed")];
  const asked: (readonly string[])[] = [];
  const answers = [[judged("b", "same"), judged("c", "regressed")], [judged("c", "regressed")]];
  const after = await retried(first, 2, async (names) => {
    asked.push(names);
    return answers[asked.length - 1] ?? [];
  });
  expect(asked).toEqual([["b", "c"], ["c"]]);
  expect(after).toEqual([judged("a", "same"), judged("b", "same"), judged("c", "regressed")]);
  expect(await retried([judged("a", "same")], 3, () => Promise.reject(new Error("not needed")))).toEqual([
    judged("a", "same"),
  ]);
  const kept = await chaoslab(["gate", held, "--against", join(scratch, "any.json"), "--retries", "1"]);
  expect([kept.code, oneLine(kept)]).toEqual([2, expect.stringContaining("--retries: a run that was kept")]);
});

test("--only chooses hypotheses by name", async () => {
  const schedule = "schedules/outage.yaml";
  const flags = ["--quick", "--json", "--only", "payments-hangs-bare", "--lab", "not-up"];
  const { trials } = JSON.parse((await chaoslab(["plan", schedule, ...flags])).stdout) as Plan;
  expect(trials.map(({ hypothesis }) => hypothesis)).toEqual(["payments-hangs-bare"]);
  // A service that is not there is sent nothing: its address might lead anywhere.
  expect(trials[0]?.faults[0]?.uncertain).toBe("not tried (the lab is not up)");
  const wrong = await chaoslab(["plan", schedule, "--only", "payments-hang-bare"]);
  expect([wrong.code, oneLine(wrong)]).toEqual([2, expect.stringContaining("payments-hangs-bare")]);
});

describe("report", () => {
  const documents = join(scratch, "documents");
  const text = (name: string): string => readFileSync(join(documents, name), "utf8");
  const notes = (content: string): string => {
    const path = join(scratch, "notes.yaml");
    writeFileSync(path, content);
    return path;
  };

  test("writes the documents: the log has every run, the others the last of each hypothesis", async () => {
    const file = notes("payments-200ms-bare: { surprise: nobody knew, fix: a bulkhead }\n");
    const { code, stdout } = await chaoslab(["report", degraded, held, "--out", documents, "--notes", file]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual(
      ["steady_state.md", "experiment-E1.md", "CHAOS_LOG.md", "findings.md"].map((name) =>
        join(documents, name),
      ),
    );
    // Whatever the order on the command line: cascade-2 was later, and it degraded.
    expect(text("findings.md")).toContain("1 hypotheses: 0 held, 1 degraded, 0 failed, 0 inconclusive.");
    expect(text("findings.md")).toContain("## Healed");
    expect(text("experiment-E1.md")).toContain("## payments-200ms-bare: degraded");
    expect(text("experiment-E1.md")).toContain("Run: cascade-2");
    expect(text("CHAOS_LOG.md")).toContain("2 trials of 1 hypotheses");
    for (const name of ["CHAOS_LOG.md", "findings.md", "experiment-E1.md"])
      expect(text(name)).toContain("- Surprise: nobody knew\n- Fix: a bulkhead");
    // Of the made-up load every latency is 50 ms, and a table says so in its own unit.
    expect(text("steady_state.md")).toMatch(
      /\| write_p99 \| POST \/orders, p99, .* \| < 250 ms \| < 1 s \| 50\.\d ms \|/,
    );
    expect(text("steady_state.md")).toContain("histogram_quantile(0.99,");
  });

  test.each([
    ["no run", [], "", 2, /at least one run/],
    ["a run that is none", ["/nowhere"], "", 6, /no such file/],
    ["notes that are none", null, "payments-200ms-bare: { surprize: x }", 104, /unknown field/],
  ] as const)("refuses %s in one line", async (_what, runs, content, code, message) => {
    const given = runs ?? [held];
    const flags = content ? ["--notes", notes(content)] : [];
    const result = await chaoslab(["report", ...given, "--out", documents, ...flags]);
    expect(result.code).toBe(code);
    expect(oneLine(result)).toMatch(message);
  });

  test("a run without a verdict makes no document", async () => {
    const early = keep("early-4", { load: null }, { verdicts: [] });
    const result = await chaoslab(["report", early, "--out", join(scratch, "none")]);
    expect([result.code, oneLine(result)]).toEqual([6, "chaoslab: report: these runs have no verdict"]);
  });
});
