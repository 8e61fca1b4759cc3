/** `chaoslab ramp` against a server of known capacity: the breakpoint, the refusals, and what is kept. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSchedule } from "../../src/experiment/schedule-file.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { RampDocument } from "../../src/model/ramp.ts";
import { chaoslab, oneLine, start } from "../support.ts";

setDefaultTimeout(120_000);

/** This many requests at once, each this long: as many per second as SLOTS * 1000 / SERVICE_MS. */
const SLOTS = 8;
const SERVICE_MS = 40;
const CAPACITY = (SLOTS * 1_000) / SERVICE_MS;

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-ramp-"));
let server: Bun.Subprocess<"ignore", "pipe", "inherit">;
let target: string;

beforeAll(async () => {
  const argv = [process.execPath, join(import.meta.dir, "slots.ts"), String(SLOTS), String(SERVICE_MS)];
  server = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const { value } = await server.stdout.getReader().read();
  target = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}/`;
});
afterAll(() => {
  server.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

const SHORT = ["--step-for", "3s", "--warm-up", "1s", "--sustain", "2s", "--timeout", "1s", "--quiet"];

async function ramp(name: string, ...args: string[]) {
  const out = join(scratch, name);
  const { code, stdout, stderr } = await chaoslab([
    "ramp",
    target,
    ...SHORT,
    "--out",
    out,
    "--json",
    ...args,
  ]);
  expect(stderr).toBe("");
  return { code, out, document: JSON.parse(stdout) as RampDocument };
}

test("finds the capacity in steps, keeps the curve, and a schedule takes the steady rate from it", async () => {
  const { code, out, document } = await ramp(
    "steps",
    "--from",
    "80",
    "--to",
    "800",
    "--factor",
    "2",
    "--repeats",
    "1",
  );
  expect(code).toBe(0);
  expect(document.state).toBe("complete");
  const { breakpoint, steady_rate_rps } = document;
  expect(breakpoint?.rps ?? 0).toBeGreaterThan(CAPACITY * 0.75);
  expect(breakpoint?.rps ?? 0).toBeLessThan(CAPACITY * 1.25);
  expect((steady_rate_rps ?? 0) / (breakpoint?.rps ?? 1)).toBeCloseTo(0.65, 1);
  const broke = document.steps.filter((step) => step.rate_rps > CAPACITY * 1.5);
  expect(broke.length).toBeGreaterThan(0);
  for (const step of broke) {
    expect(step.goodput_rps).toBeLessThan(CAPACITY * 1.2);
    expect(step.verdict.result).not.toBe("ok");
  }

  expect(JSON.parse(readFileSync(join(out, "ramp.json"), "utf8"))).toEqual(document);
  const lines = readFileSync(join(out, "ramp.csv"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(document.steps.length + 1);
  for (const line of lines) expect(line.split(",")).toHaveLength(17);
  const picture = readFileSync(join(out, "ramp.svg"), "utf8");
  expect(picture).toContain(`breakpoint ${Math.round(breakpoint?.rps ?? 0)}`);
  expect(picture).toContain("p99 &lt; 250 ms");

  const cascade = readFileSync(join(import.meta.dir, "../../schedules/cascade.yaml"), "utf8");
  const file = join(scratch, "mine.yaml");
  writeFileSync(file, cascade.replace("rate: 500", "rate: { from: steps/ramp.json }"));
  expect(loadSchedule(file).schedule.load.rate).toBe(steady_rate_rps ?? 0);
  expect(loadSchedule(file, 12).schedule.load.rate).toBe(12);
});

test("finds it in one continuous ramp", async () => {
  const out = join(scratch, "continuous");
  const flags = ["--continuous", "--for", "20s", "--from", "50", "--to", "450", "--repeats", "1"];
  const rest = ["--warm-up", "1s", "--sustain", "2s", "--timeout", "1s", "--json", "--quiet", "--out", out];
  const { code, stdout } = await chaoslab(["ramp", target, ...flags, ...rest]);
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as RampDocument;
  expect(document.breakpoint?.rps ?? 0).toBeGreaterThan(CAPACITY * 0.7);
  expect(document.breakpoint?.rps ?? 0).toBeLessThan(CAPACITY * 1.4);
  expect(document.steps).toHaveLength(10);
});

describe("no breakpoint is named", () => {
  test("when the generator was the limit", async () => {
    const flags = ["--from", "100", "--to", "150", "--repeats", "1", "--connections", "1"];
    const { code, document } = await ramp("limited", ...flags);
    expect(code).toBe(99);
    expect(document).toMatchObject({ breakpoint: null, steady_rate_rps: null });
    expect(document.no_breakpoint).toContain("the load generator, not the system, was the limit");
    expect(document.no_breakpoint).toContain("--connections");
  });

  test("when nothing broke", async () => {
    const flags = ["--from", "20", "--to", "40", "--factor", "2", "--repeats", "1"];
    const { code, document } = await ramp("enough", ...flags);
    expect(code).toBe(99);
    expect(document).toMatchObject({ breakpoint: null, steady_rate_rps: null });
    expect(document.no_breakpoint).toContain("no breakpoint up to 40 rps");
    const file = join(scratch, "none.yaml");
    const cascade = readFileSync(join(import.meta.dir, "../../schedules/cascade.yaml"), "utf8");
    writeFileSync(file, cascade.replace("rate: 500", "rate: { from: enough/ramp.json }"));
    expect(() => loadSchedule(file)).toThrow(/none\.yaml:\d+:\d+: load\.rate: .*has no steady rate/);
  });
});

test("a signal ends the search with what is known, and exit code 105", async () => {
  const out = join(scratch, "stopped");
  const child = start(["ramp", target, ...SHORT, "--from", "20", "--to", "800", "--out", out]);
  await waitFor(() => existsSync(join(out, "ramp.json")), { what: "the first step", timeoutMs: 30_000 });
  child.kill("SIGINT");
  expect(await child.exited).toBe(105);
  const document = JSON.parse(readFileSync(join(out, "ramp.json"), "utf8")) as RampDocument;
  expect(document.state).toBe("aborted");
  expect(document.steps.length).toBeGreaterThan(0);
  expect(existsSync(join(out, "ramp.svg"))).toBe(true);
});

test.each([
  [["--slo", "speed < 3"], 2, "speed < 3"],
  [["--slo", "POST /nothing: p99 < 1 s"], 2, "there are GET /"],
  [["--from", "100", "--to", "50"], 2, "--to: 50 is not above"],
  [["--step", "10", "--factor", "2"], 2, "--factor"],
  [["--sustain", "20s"], 2, "--step-for: 10 s is shorter than --sustain (20 s)"],
  [["--continuous", "--step", "10"], 2, "--step: not with --continuous"],
  [["--warm-up", "1500ms"], 2, "whole seconds"],
])("refused: %p", async (flags, code, words) => {
  const finished = await chaoslab(["ramp", target, ...flags, "--out", join(scratch, "refused")]);
  expect(finished.code).toBe(code);
  expect(oneLine(finished)).toContain(words);
  expect(existsSync(join(scratch, "refused"))).toBe(false);
});
