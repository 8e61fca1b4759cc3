import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { BINARY, chaoslab, oneLine } from "../support.ts";

const CASCADE = join(import.meta.dir, "../../schedules/cascade.yaml");
const scratch = mkdtempSync(join(tmpdir(), "chaoslab-cli-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

test("--version answers, and starts in well under 100 ms", async () => {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const started = performance.now();
    const { code, stdout } = await chaoslab(["--version"]);
    times.push(performance.now() - started);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^chaoslab \d+\.\d+\.\d+\n$/);
  }
  // The best of several: a busy machine may delay any single one.
  expect(Math.min(...times)).toBeLessThan(100);
});

test("every command has help with examples", async () => {
  const { stdout } = await chaoslab(["--help"]);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?: [<[][.a-z]+[>\]])? {2,}\S/gm)].map(
    (match) => match[1] ?? "",
  );
  expect(commands).toEqual(expect.arrayContaining(["run", "up", "status", "down", "load", "sut"]));
  for (const command of commands) {
    const help = await chaoslab([command, "--help"]);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("Examples:");
    expect(help.stdout).toContain(`$ chaoslab ${command}`);
  }
});

test.each([
  [["bogus"], 2, "no such command: bogus"],
  [["up", "--bogus"], 2, "--bogus"],
  [["up", "--toxiproxy=redis:6379"], 2, "--toxiproxy"],
  [["up", "--toxiproxy", "http://h:1/proxies"], 2, "--toxiproxy"],
  [["up", "--mitigations", "brakes"], 2, '--mitigations: no such mitigation: "brakes"; accepted: all'],
  [["mitigate", "brakes"], 2, "retry_budget"],
  [["inject", "toxic", "--target", "redis", "--toxic", "latency"], 2, "--latency-ms"],
  [["run"], 2, "schedule"],
  [["up", "--lab", "Not A Name"], 2, "--lab"],
  [["run", CASCADE, "--rate", "fast"], 2, '--rate: "fast" is not a number'],
  [["run", CASCADE, "--fail-on", "bad"], 2, "held, degraded, inconclusive, failed"],
  [["load", "ftp://x"], 2, "not a target"],
  [["sut", "bogus"], 2, "bogus"],
  [["run", "/no/such.yaml"], 104, "/no/such.yaml: no such file"],
  [["load", "http://198.18.77.1:80"], 6, "no lab is up"],
] as const)("%j ends with %i in one line", async (args, code, says) => {
  const finished = await chaoslab([...args]);
  expect(oneLine(finished)).toContain(says);
  expect(finished.code).toBe(code);
});

test("a wrong schedule is refused by file, line and field, before anything is done", async () => {
  const file = join(scratch, "wrong.yaml");
  writeFileSync(file, (await Bun.file(CASCADE).text()).replace("delay_ms: 200", "delay_ms: slow"));
  const finished = await chaoslab(["run", file], { cwd: scratch });
  expect(finished.code).toBe(104);
  expect(oneLine(finished)).toMatch(/wrong\.yaml:\d+:\d+: hypotheses\.0\.fault\.params\.delay_ms: "slow"/);
  expect(await Bun.file(join(scratch, "results")).exists()).toBeFalse();
});

test("an unknown target is refused with the known ones", async () => {
  const file = join(scratch, "target.yaml");
  writeFileSync(file, (await Bun.file(CASCADE).text()).replace("target: payments", "target: paymets"));
  const finished = await chaoslab(["run", file], { cwd: scratch });
  expect(finished.code).toBe(6);
  expect(oneLine(finished)).toMatch(/unknown target "paymets".*payments, catalog/);
});

test.if(isRoot)("without root a lab is refused", async () => {
  // The binary itself may be out of an unprivileged user's reach: a copy is not.
  chmodSync(scratch, 0o755);
  const copy = join(scratch, "chaoslab");
  copyFileSync(BINARY, copy);
  chmodSync(copy, 0o755);
  for (const command of [["up"], ["down"], ["status"], ["run", CASCADE]]) {
    const argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, ...command];
    const child = Bun.spawn(argv, { cwd: "/tmp", stdout: "pipe", stderr: "pipe", stdin: "ignore" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const finished = { code: await child.exited, stdout, stderr };
    // An unprivileged user may not even read the schedule where the project lies in a private folder.
    if (command[0] === "run" && finished.code === 104) continue;
    expect(oneLine(finished)).toContain("needs root");
    expect(finished.code).toBe(3);
  }
});

test.if(isRoot)("without PostgreSQL a lab is refused, naming the package", async () => {
  // A mount namespace in which the server's programs are hidden: the host keeps its own.
  const empty = join(scratch, "empty");
  mkdirSync(empty);
  const holder = Bun.spawn(["unshare", "--mount", "sleep", "60"]);
  try {
    const inside = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`];
    await waitFor(() => readlinkSync(`/proc/${holder.pid}/ns/mnt`) !== readlinkSync("/proc/self/ns/mnt"), {
      what: "the mount namespace",
      timeoutMs: 5_000,
    });
    // All places the programs are looked for in.
    for (const dir of ["/usr/lib/postgresql", "/usr/local/bin"])
      await exec([...inside, "mount", "--bind", empty, dir]);
    const finished = await chaoslab(["up"], { prefix: inside });
    expect(oneLine(finished)).toMatch(/PostgreSQL's server .*apt-get install postgresql/);
    expect(finished.code).toBe(4);
  } finally {
    holder.kill("SIGKILL");
  }
});

test("a port that is taken is refused", async () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const ledger = join(scratch, "ledger.sqlite");
  const finished = await chaoslab(["sut", "payments", "--port", String(taken.port)], {
    env: { LEDGER_PATH: ledger },
  });
  expect(finished.stderr).toContain(`127.0.0.1:${taken.port} is already in use`);
  expect(finished.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(finished.code).toBe(5);
});

test("the load's sequence is printed without a network, the same for the same seed", async () => {
  const print = (seed: string) =>
    chaoslab(["load", "http://127.0.0.1:9", "--mix", "shop", "--print-schedule", "200", "--seed", seed]).then(
      (done) => done.stdout,
    );
  const [a, b, c] = await Promise.all([print("7"), print("7"), print("8")]);
  expect(a.trimEnd().split("\n").length).toBeGreaterThanOrEqual(200);
  expect(b).toBe(a);
  expect(c).not.toBe(a);
});
