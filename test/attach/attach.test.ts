/** Systems that chaoslab did not make: processes of this host by port and pid, and a compose file of public programs. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { exec } from "../../src/lab/exec.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultEvent } from "../../src/model/fault.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { type Engine, startEngine } from "../docker/engine.ts";
import { chaoslab, hostPicture, oneLine } from "../support.ts";
import { type Server, server, serverInNamespace } from "./servers.ts";

setDefaultTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), "chaoslab-attach-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
/** State of its own, so that nothing of it is left in the host's. */
const env = { CHAOSLAB_HOME: join(scratch, "home") };

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("processes of this host", () => {
  const lab = join(scratch, "processes.yaml");
  const servers: Server[] = [];
  let before: Record<string, unknown>;

  beforeAll(async () => {
    before = await hostPicture();
    for (const start of [server, server, serverInNamespace]) servers.push(await start());
    const [web, db, far] = servers;
    writeFileSync(
      lab,
      `name: attached
nodes:
  web: { port: ${web?.port} }
  db: { port: ${db?.port}, url: "http://127.0.0.1:${db?.port}" }
  far: { pid: ${far?.pid} }
dependencies: { web: [db, far] }
`,
    );
  });
  afterAll(async () => {
    for (const each of servers) await each.stop();
    expect(await hostPicture()).toEqual(before);
  });

  const of = (name: "web" | "db" | "far"): Server => {
    const found = servers[["web", "db", "far"].indexOf(name)];
    if (!found) throw new Error(`${name} is not there`);
    return found;
  };
  const run = (...args: string[]) => chaoslab([...args, "--lab", lab], { env });

  async function inject(...args: string[]): Promise<FaultEvent> {
    const { code, stdout, stderr } = await run("inject", ...args, "--for", "30s", "--json");
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as FaultEvent;
  }

  async function revertAll(): Promise<FaultEvent[]> {
    const { stdout } = await run("revert", "--all", "--json");
    return (JSON.parse(stdout) as { event: FaultEvent }[]).map(({ event }) => event);
  }

  async function states(): Promise<Record<string, string>> {
    const [only] = JSON.parse((await run("status", "--json")).stdout) as {
      nodes: { name: string; state: string }[];
    }[];
    return Object.fromEntries((only?.nodes ?? []).map(({ name, state }) => [name, state]));
  }

  test("status finds them by port and by pid", async () => {
    expect(await states()).toEqual({ web: "ready", db: "ready", far: "ready" });
  });

  test("stop hangs one of them, and revert lets it go on", async () => {
    const { id, evidence } = await inject("stop", "--target", "db");
    expect(evidence?.landed).toBe(true);
    expect(await of("db").answers(300)).toBe(false);
    expect(await of("web").answers(2_000)).toBe(true);
    const again = oneLine(await run("inject", "stop", "--target", "db"));
    expect(again).toMatch(/db: (it is stopped already|stop \(f-\w+\) is active already)/);
    expect(await revertAll()).toMatchObject([{ id, gone: true, remains: null }]);
    expect(await of("db").answers(2_000)).toBe(true);
  });

  test("what was stopped goes on, though the first process was killed meanwhile", async () => {
    const parent = Bun.spawn(["sh", "-c", "sleep 61 & sleep 62 & wait"], { stdin: "ignore" });
    const children = async (): Promise<number[]> =>
      (await exec(["pgrep", "-P", `${parent.pid}`], { allowFailure: true })).stdout
        .split("\n")
        .filter(Boolean)
        .map(Number);
    await waitFor(async () => (await children()).length === 2, { what: "two children", timeoutMs: 5_000 });
    const both = await children();
    const stateOf = (pid: number): string =>
      /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
    try {
      const family = join(scratch, "family.yaml");
      writeFileSync(family, `name: family\nnodes: { parent: { pid: ${parent.pid} } }\n`);
      const argv = ["inject", "stop", "--target", "parent", "--for", "60s", "--lab", family];
      expect((await chaoslab(argv, { env })).code).toBe(0);
      expect(both.map(stateOf)).toEqual(["T", "T"]);
      parent.kill("SIGKILL");
      await parent.exited;
      expect((await chaoslab(["revert", "--all", "--lab", family], { env })).code).toBe(0);
      expect(both.map(stateOf)).toEqual(["S", "S"]);
    } finally {
      for (const pid of both) process.kill(pid, "SIGKILL");
    }
  });

  test("a clock is skewed in a process that has no cgroup to itself", async () => {
    const { evidence } = await inject("clock", "--target", "web", "--offset-ms", "3600000");
    expect(evidence).toMatchObject({ landed: true });
    expect(await revertAll()).toMatchObject([{ gone: true, remains: null }]);
  });

  test("latency on a process with a network of its own", async () => {
    const before = await of("far").takesMs();
    const { backend } = await inject("latency", "--target", "far", "--delay-ms", "150");
    expect(["netem", "nfqueue"]).toContain(backend);
    expect(await of("far").takesMs()).toBeGreaterThan(before + 140);
    expect(await revertAll()).toMatchObject([{ gone: true }]);
    expect(await of("far").takesMs()).toBeLessThan(140);
  });

  test.each([
    [
      "a fault of the host's own network",
      ["latency", "--target", "web", "--delay-ms", "50"],
      "web: it has no network of its own",
    ],
    [
      "a peer in the host's own network",
      ["latency", "--target", "far", "--delay-ms", "50", "--peer", "web"],
      "web cannot be the peer",
    ],
    ["a limit without a group", ["cpu", "--target", "db", "--cores", "0.1"], "db has no cgroup to itself"],
    ["a node that is not in the file", ["kill", "--target", "cache"], 'no node "cache" in lab attached'],
  ])("%s is refused in one line", async (_, args, said) => {
    const refused = await run("inject", ...args);
    expect(oneLine(refused)).toContain(said);
    expect(await states()).toEqual({ web: "ready", db: "ready", far: "ready" });
  });

  test("chaoslab does not disturb what it runs in", async () => {
    const ours = join(scratch, "ours.yaml");
    writeFileSync(ours, `name: ours\nnodes: { shell: { pid: ${process.pid} } }\n`);
    const refused = await chaoslab(["inject", "stop", "--target", "shell", "--lab", ours], { env });
    expect(oneLine(refused)).toContain("shell: chaoslab itself runs in it");
  });

  test("kill ends one, which stays dead, and is said to be", async () => {
    expect((await inject("kill", "--target", "db")).evidence?.landed).toBe(true);
    await revertAll();
    expect(await states()).toEqual({ web: "ready", db: "stopped", far: "ready" });
    const refused = await run("inject", "stop", "--target", "db");
    expect(oneLine(refused)).toBe(`chaoslab: db: no process listens on port ${of("db").port}`);
    expect(refused.code).toBe(6);
  });

  test("nothing is left of any fault", async () => {
    const { stdout } = await run("faults", "--json");
    expect(JSON.parse(stdout)).toEqual([]);
  });
});

const TUTORIAL = resolve(import.meta.dir, "../../tutorial");
const PROJECT = "chaoslab-attach";
/** Windows as short as a verdict allows. */
const BRIEF = "profiles: { brief: { warmup_s: 3, baseline_s: 6, window_s: 10, recovery_s: 10 } }\n";

const engine = isRoot ? await startEngine() : "not root";
if (typeof engine === "string") process.stderr.write(`attach: containers skipped: ${engine}\n`);
else afterAll(() => engine[Symbol.asyncDispose]());

describe.skipIf(typeof engine === "string")("the tutorial's system", () => {
  const { host, docker } = engine as Engine;
  const dockerEnv = { ...env, DOCKER_HOST: host };
  const lab = join(scratch, "tutorial.yaml");
  const compose = (...args: string[]) =>
    exec(
      ["docker-compose", "--project-name", PROJECT, "--file", join(TUTORIAL, "docker-compose.yml"), ...args],
      {
        env: { DOCKER_HOST: host },
        timeoutMs: 60_000,
      },
    );

  beforeAll(async () => {
    await docker("build", "--quiet", "--network", "host", "--tag", "chaoslab-tutorial", TUTORIAL);
    await compose("up", "--detach", "--no-build");
    const text = readFileSync(join(TUTORIAL, "lab.yaml"), "utf8");
    writeFileSync(
      lab,
      text
        .replace("project: tutorial", `project: ${PROJECT}`)
        .replace("scenario: scenario.yaml", `scenario: ${join(TUTORIAL, "scenario.yaml")}`),
    );
    const answers = () =>
      fetch("http://198.19.252.10:8080/accounts/1", { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor(answers, { what: "the shop to answer", timeoutMs: 30_000 });
  }, 300_000);
  afterAll(async () => {
    await compose("down", "--volumes", "--timeout", "2");
    const left = await docker(
      "ps",
      "--all",
      "--quiet",
      "--filter",
      `label=com.docker.compose.project=${PROJECT}`,
    );
    if (left !== "") throw new Error(`containers are left: ${left}`);
  });

  test("a default suite, of which one hypothesis is run: the database hangs, and takes along who does not need it", async () => {
    const suite = join(scratch, "suite.yaml");
    const { code, stdout, stderr } = await chaoslab(["suite", lab, "--out", suite, "--json"], {
      env: dockerEnv,
    });
    expect([code, stderr]).toEqual([0, ""]);
    const { hypotheses, left_out } = JSON.parse(stdout) as Record<string, { name: string }[]>;
    expect(hypotheses?.map(({ name }) => name)).toContain("app-db-slow");
    expect(left_out?.map(({ name }) => name)).toContain("app-full");
    const refused = await chaoslab(["suite", lab, "--out", suite], { env: dockerEnv });
    expect(oneLine(refused)).toContain("is there already");

    writeFileSync(suite, readFileSync(suite, "utf8").replace("seed: 1\n", `seed: 1\n${BRIEF}`));
    const out = join(scratch, "results");
    const argv = [
      "run",
      suite,
      "--lab",
      lab,
      "--only",
      "db-hung",
      "--profile",
      "brief",
      "--out",
      out,
      "--json",
      "--quiet",
    ];
    const ran = await chaoslab(argv, { env: dockerEnv });
    if (ran.code !== 0) throw new Error(ran.stderr);
    const { verdicts } = JSON.parse(ran.stdout) as { verdicts: Verdict[] };
    const [verdict] = verdicts;
    expect(verdict?.fault_event).toMatchObject({ fault_type: "stop", target: "db", gone: true });
    expect(verdict?.result).toBe("failed");
    expect(verdict?.blast_radius_endpoints).toEqual(expect.arrayContaining(["account", "order", "product"]));
    expect(verdict?.blast_radius_endpoints).not.toContain("home");
  }, 80_000);
});
