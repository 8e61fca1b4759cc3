/** Faults on the nodes of a real lab: measured while they last, gone after the revert, whoever dies meanwhile. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { type ActiveFault, type InjectOptions, inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { allocate } from "../../src/faults/node/allocate.ts";
import { cgroupOf, readControl, writeControl } from "../../src/faults/node/cgroup.ts";
import { processesOf } from "../../src/faults/node/processes.ts";
import { undo } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { exec } from "../../src/lab/exec.ts";
import { cgroupLayout, enterCgroup } from "../../src/lab/host/cgroup.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { databaseUrl } from "../../src/lab/host/nodes.ts";
import type { NodeName } from "../../src/lab/host/topology.ts";
import type { Target } from "../../src/lab/target.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { Evidence, FaultEvent, FaultType } from "../../src/model/fault.ts";
import { chaoslab, oneLine } from "../support.ts";

setDefaultTimeout(120_000);
const BUN = process.execPath;
const LAB = "test-n";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-n-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;

let lab: HostLab;
const children: Bun.Subprocess[] = [];

beforeAll(async () => {
  const { code, stderr } = await chaoslab(["up", "--lab", LAB]);
  if (code !== 0) throw new Error(stderr);
  const found = findLab(LAB);
  if (!found) throw new Error(`no lab ${LAB}`);
  lab = found;
});

// A test that fails must not leave its fault to the next.
afterEach(async () => {
  for (const { error } of await revertAll(lab.paths.journal)) expect(error).toBeNull();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

afterAll(async () => {
  const { code } = await chaoslab(["down", "--lab", LAB]);
  rmSync(home, { recursive: true, force: true });
  expect(code).toBe(0);
  expect((await exec(["ip", "netns", "list"])).stdout).not.toContain(`chaoslab-${LAB}-`);
  expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(home);
  for (const root of cgroupLayout().roots) expect(existsSync(join(root, "chaoslab", LAB))).toBe(false);
});

const given = (type: FaultType, target: NodeName, params: Record<string, unknown> = {}): InjectOptions => ({
  journal: lab.paths.journal,
  fault: { type, target, params },
  target: lab.target(target),
});
const groupOf = (name: NodeName) => cgroupOf(lab.target(name));

async function statusOf(name: NodeName) {
  const found = (await lab.nodes()).find((each) => each.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}

/** Waits until the node has been started more often than `restarts`, and answers. */
function backAfter(name: NodeName, restarts: number) {
  const back = async () => {
    const now = await statusOf(name);
    return now.restarts > restarts && now.state === "ready" && now;
  };
  return waitFor(back, { what: `${name} to come back`, timeoutMs: 60_000 });
}

const answers = async (name: NodeName, withinMs = 5_000): Promise<boolean> =>
  (await fetch(`${lab.topology.url(name)}/healthz`, { signal: AbortSignal.timeout(withinMs) })).ok;

/** A process in the node's own cgroup. */
function spawnIn(name: NodeName, script: string) {
  const waiting = `await Bun.stdin.text(); ${script}`;
  const child = Bun.spawn([BUN, "-e", waiting], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  children.push(child);
  enterCgroup(cgroupLayout(), LAB, name, child.pid);
  void child.stdin.end();
  return child;
}

/** Injects from another process, which is killed once the fault is in force and `inForce` has looked at it. */
async function injectByKilledOwner(options: InjectOptions, inForce: () => unknown): Promise<void> {
  const script = resolve(import.meta.dir, "owner.ts");
  const owner = Bun.spawn([BUN, script, JSON.stringify(options)], { stdout: "pipe", stderr: "inherit" });
  children.push(owner);
  const { value } = await owner.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toContain('"id":"f-');
  await inForce();
  owner.kill("SIGKILL");
  await owner.exited;
  await inForce();
  expect(openFaults(options.journal)).toHaveLength(1);
}

async function expectRevertedByAnother(): Promise<void> {
  expect(await revertAll(lab.paths.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
  expect(await revertAll(lab.paths.journal)).toEqual([]);
}

/** Reverts, and the kernel or the node shows nothing of the fault any more. */
async function revertWholly(fault: ActiveFault): Promise<FaultEvent> {
  const event = await fault.revert();
  expect(event).toMatchObject({ t_stop: expect.any(Number), gone: true, remains: null });
  return event;
}

describe("cpu", () => {
  const quota = () => [
    readControl(groupOf("catalog"), "cpu.cfs_quota_us") ?? readControl(groupOf("catalog"), "cpu.max"),
    readControl(groupOf("catalog"), "cpu.cfs_period_us"),
  ];
  /** Cores that a process gets over a while: fields 14 and 15 of /proc/PID/stat are in 1/100 s (proc(5)). */
  async function coresOf(pid: number, ms: number): Promise<number> {
    const seconds = (): number => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) / 100;
    };
    const [used, started] = [seconds(), performance.now()];
    await Bun.sleep(ms);
    return (seconds() - used) / ((performance.now() - started) / 1_000);
  }

  test("a busy process of the node gets the share that was asked for, and all it wants after", async () => {
    const before = quota();
    const { pid } = spawnIn("catalog", "for (;;);");
    await waitFor(async () => (await coresOf(pid, 300)) > 0.35, { what: "work", timeoutMs: 20_000 });
    const fault = await inject(given("cpu", "catalog", { cores: 0.25 }));
    const share = await coresOf(pid, 3_000);
    expect(share).toBeWithin(0.225, 0.275);
    const evidence = await fault.verify();
    expect(evidence.landed).toBe(true);
    expect(evidence.measures.limit_cores).toBeCloseTo(0.25, 3);
    expect(evidence.measures.throttled_periods).toBeGreaterThan(15);
    const event = await revertWholly(fault);
    expect(await fault.revert()).toEqual(event);
    expect(quota()).toEqual(before);
    await waitFor(async () => (await coresOf(pid, 500)) > 0.35, { what: "full speed", timeoutMs: 20_000 });
    expect((await fault.verify()).landed).toBe(false);
    console.log(`cpu: asked 0.25 cores, measured ${share.toFixed(3)}; ${evidence.detail}`);
  });

  test("is lifted by another process after SIGKILL of its owner", async () => {
    const before = quota();
    await injectByKilledOwner(given("cpu", "catalog", { cores: 0.5 }), () =>
      expect(quota()).not.toEqual(before),
    );
    await expectRevertedByAnother();
    expect(quota()).toEqual(before);
  });

  test("a node that is killed meanwhile comes back under the limit, and is free after the revert", async () => {
    const before = quota();
    const { pid, restarts } = await statusOf("catalog");
    const fault = await inject(given("cpu", "catalog", { cores: 0.5 }));
    process.kill(pid ?? -1, "SIGKILL");
    await backAfter("catalog", restarts);
    expect((await fault.verify()).measures.limit_cores).toBeCloseTo(0.5, 3);
    await revertWholly(fault);
    expect(quota()).toEqual(before);
  });

  test("a limit that was there before is back after, and is not loosened", async () => {
    if (groupOf("catalog").version === 2) return;
    const was = quota();
    const group = groupOf("catalog");
    writeControl(group, "cpu.cfs_quota_us", "80000");
    try {
      await expect(inject(given("cpu", "catalog", { cores: 0.9 }))).rejects.toMatchObject({
        kind: "badConfig",
      });
      const fault = await inject(given("cpu", "catalog", { cores: 0.2 }));
      await revertWholly(fault);
      expect(quota()).toEqual(["80000", "100000"]);
    } finally {
      writeControl(group, "cpu.cfs_quota_us", "-1");
    }
    expect(quota()).toEqual(was);
  });

  test("an undo that comes late leaves the limit of the next fault alone", async () => {
    const before = quota();
    const first = await inject(given("cpu", "catalog", { cores: 0.5 }));
    const late = openFaults(lab.paths.journal)[0]?.undo ?? { kind: "none" };
    await expect(inject(given("cpu", "catalog", { cores: 0.2 }))).rejects.toMatchObject({ kind: "busy" });
    await first.revert();
    const second = await inject(given("cpu", "catalog", { cores: 0.4 }));
    const limited = quota();
    await undo(late);
    expect(quota()).toEqual(limited);
    await second.revert();
    expect(quota()).toEqual(before);
  });
});

describe("kill", () => {
  test("every process is gone, and the node comes back as another", async () => {
    for (const name of ["orders-1", "pg-primary"] as const) {
      const { pid, restarts } = await statusOf(name);
      const all = processesOf(groupOf(name)).length;
      const started = performance.now();
      const fault = await inject(given("kill", name));
      expect(await fault.verify()).toMatchObject({ landed: true, measures: { killed_processes: all } });
      const back = await backAfter(name, restarts);
      console.log(
        `kill: ${name}: ${all} processes, back after ${Math.round(performance.now() - started)} ms`,
      );
      expect(back).toMatchObject({ restarts: restarts + 1, last_exit: "signal SIGKILL" });
      expect(back.pid).not.toBe(pid);
      const event = await revertWholly(fault);
      expect(event.evidence).toMatchObject({ landed: true, measures: { restarts: 1 } });
      expect(await fault.revert()).toEqual(event);
      expect((await statusOf(name)).pid).toBe(back.pid);
    }
  });

  test("the node comes back even when its killer is killed at any moment", async () => {
    for (let afterMs = 60; afterMs <= 180; afterMs += 30) {
      const script = resolve(import.meta.dir, "owner.ts");
      const owner = Bun.spawn([BUN, script, JSON.stringify(given("kill", "orders-1"))]);
      await Bun.sleep(afterMs);
      owner.kill("SIGKILL");
      await owner.exited;
      for (const { error } of await revertAll(lab.paths.journal)) expect(error).toBeNull();
      await waitFor(
        async () => (await statusOf("orders-1")).state === "ready" && (await answers("orders-1")),
        {
          what: "orders-1",
          timeoutMs: 60_000,
        },
      );
    }
  });

  test("what a killer left frozen is let go by the undo", async () => {
    const cgroup = groupOf("orders-1");
    const [file, value] =
      cgroup.version === 2 ? ["cgroup.freeze", "1"] : (["freezer.state", "FROZEN"] as const);
    writeControl(cgroup, file, value);
    await expect(inject(given("kill", "orders-1"))).rejects.toMatchObject({ kind: "busy" });
    await undo({ kind: "sigkill", cgroup } as { kind: string });
    expect(await answers("orders-1")).toBe(true);
  });
});

describe("stop", () => {
  const states = (name: NodeName) => processesOf(groupOf(name)).map((each) => each.state);

  test("the node hangs, and answers what it was asked meanwhile after the revert", async () => {
    const fault = await inject(given("stop", "catalog"));
    expect(states("catalog")).not.toContain("S");
    await expect(answers("catalog", 500)).rejects.toThrow("timed out");
    const late = answers("catalog", 30_000);
    expect(await fault.verify()).toMatchObject({ landed: true, measures: { running_processes: 0 } });
    await expect(inject(given("kill", "catalog"))).rejects.toMatchObject({ kind: "busy" });
    const event = await revertWholly(fault);
    expect(await fault.revert()).toEqual(event);
    expect(await late).toBe(true);
    expect(states("catalog")).not.toContain("T");
  });

  test("covers all processes of a database, which loses none of its connections", async () => {
    const sql = postgres(databaseUrl(lab, "pg-primary"), { max: 1, onnotice: () => {} });
    try {
      const [before] = await sql`select pg_backend_pid() as pid`;
      const fault = await inject(given("stop", "pg-primary"));
      expect((await fault.verify()).measures.stopped_processes).toBeGreaterThan(5);
      expect(new Set(states("pg-primary"))).toEqual(new Set("T"));
      const query = sql`select pg_backend_pid() as pid`.execute();
      expect(await Promise.race([query, Bun.sleep(300).then(() => "hangs")])).toBe("hangs");
      await revertWholly(fault);
      expect((await query)[0]?.pid).toBe(before?.pid);
    } finally {
      await sql.end({ timeout: 1 });
    }
  });

  test("is ended by another process after SIGKILL of its owner", async () => {
    await injectByKilledOwner(given("stop", "catalog"), () =>
      expect(new Set(states("catalog"))).toEqual(new Set("T")),
    );
    await expectRevertedByAnother();
    expect(await answers("catalog")).toBe(true);
  });

  test("a hanging node can be killed; the one that comes is not stopped, and the evidence says so", async () => {
    const { pid, restarts } = await statusOf("catalog");
    const fault = await inject(given("stop", "catalog"));
    process.kill(pid ?? -1, "SIGKILL");
    await backAfter("catalog", restarts);
    expect(await answers("catalog")).toBe(true);
    expect((await fault.verify()).landed).toBe(false);
    await revertWholly(fault);
    expect(states("catalog")).not.toContain("T");
  });
});

describe("disk", () => {
  const volume = () => lab.paths.volume("pg-primary");
  const fills = () => readdirSync(volume()).filter((name) => name.startsWith(".chaoslab-fill-"));
  const write = () => {
    const path = join(volume(), "cltest-probe");
    try {
      writeFileSync(path, Buffer.alloc(64 * 1024), { flush: true });
    } finally {
      rmSync(path, { force: true });
    }
  };
  async function insert(): Promise<void> {
    const sql = postgres(databaseUrl(lab, "pg-primary", "postgres", "shop"), {
      max: 1,
      connect_timeout: 2,
      onnotice: () => {},
    });
    try {
      await sql`create table if not exists ballast (n int, filler text)`;
      await sql`insert into ballast select n, repeat('x', 500) from generate_series(1, 20000) n`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  test("not a block is left: writes fail with ENOSPC, Postgres cannot grow, and both recover", async () => {
    await insert();
    const fault = await inject(given("disk", "pg-primary", { fill_percent: 100 }));
    expect(write).toThrow("ENOSPC");
    const evidence = await fault.verify();
    expect(evidence.landed).toBe(true);
    expect(evidence.measures.free_bytes).toBe(0);
    await expect(insert()).rejects.toThrow();
    const event = await revertWholly(fault);
    expect(await fault.revert()).toEqual(event);
    const started = performance.now();
    expect(fills()).toEqual([]);
    expect(write).not.toThrow();
    await waitFor(async () => insert().then(() => true), { what: "Postgres to write", timeoutMs: 90_000 });
    console.log(
      `disk: ${evidence.detail}; Postgres wrote ${Math.round(performance.now() - started)} ms after`,
    );
  });

  test("fills up to a share or down to a rest, and deletes nothing but its own file", async () => {
    const foreign = join(volume(), ".chaoslab-fill-not-ours");
    writeFileSync(foreign, "x");
    const share = await inject(given("disk", "pg-primary", { fill_percent: 80 }));
    expect((await share.verify()).measures.used_percent).toBeWithin(79.5, 80.5);
    await share.revert();
    const rest = await inject(given("disk", "pg-primary", { leave_bytes: 50 * 2 ** 20 }));
    expect((await rest.verify()).measures.free_bytes).toBeWithin(45 * 2 ** 20, 51 * 2 ** 20);
    expect(write).not.toThrow();
    await rest.revert();
    expect(fills()).toEqual([".chaoslab-fill-not-ours"]);
    rmSync(foreign);
    await expect(inject(given("disk", "payments", { fill_percent: 90 }))).rejects.toMatchObject({
      kind: "badConfig",
    });
  });

  test("is emptied by another process after SIGKILL of its owner, and after the node was killed", async () => {
    const { restarts } = await statusOf("pg-primary");
    await injectByKilledOwner(given("disk", "pg-primary", { leave_bytes: 8 * 2 ** 20 }), () =>
      expect(fills()).toHaveLength(1),
    );
    for (const { pid } of processesOf(groupOf("pg-primary"))) process.kill(pid, "SIGKILL");
    await expectRevertedByAnother();
    expect(fills()).toEqual([]);
    await backAfter("pg-primary", restarts);
    await waitFor(async () => insert().then(() => true), { what: "Postgres to write", timeoutMs: 60_000 });
  });
});

test("allocates by writing where the file system does not know fallocate", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cltest-ramfs-"));
  await exec(["mount", "-t", "ramfs", "chaoslab-test", folder]);
  try {
    await allocate(join(folder, "fill"), 3 * 2 ** 20 + 1, false);
    expect(statSync(join(folder, "fill")).size).toBe(3 * 2 ** 20 + 1);
  } finally {
    await exec(["umount", folder]);
    rmSync(folder, { recursive: true });
  }
});

describe("dependency", () => {
  const url = () => lab.topology.url("payments");
  let charges = 0;
  const charge = async (giveUpMs = 5_000): Promise<number> => {
    const key = `cltest-${charges++}`;
    const answer = await fetch(`${url()}/charges`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify({ order_id: key, tenant_id: "tenant-01", amount_cents: 100 }),
      signal: AbortSignal.timeout(giveUpMs),
    });
    return answer.status;
  };
  const mode = async () => ((await (await fetch(`${url()}/behaviour`)).json()) as { mode: string }).mode;

  test("an outage refuses every charge, which its own counter shows, and ends with the revert", async () => {
    expect(await charge()).toBe(201);
    const fault = await inject(given("dependency", "payments", { error_rate_percent: 100 }));
    expect(await Promise.all([charge(), charge(), charge()])).toEqual([503, 503, 503]);
    expect(await fault.verify()).toMatchObject({ landed: true, measures: { refused_charges: 3 } });
    const event = await revertWholly(fault);
    expect(await fault.revert()).toEqual(event);
    expect(await charge()).toBe(201);
  });

  test("a tenth of the charges, a delay, a hang", async () => {
    const some = await inject(given("dependency", "payments", { error_rate_percent: 10 }));
    const statuses: number[] = [];
    for (let round = 0; round < 10; round++)
      statuses.push(...(await Promise.all(Array.from({ length: 20 }, () => charge()))));
    expect(statuses.filter((status) => status === 503).length).toBeWithin(8, 35);
    await some.revert();
    await using slow = await inject(given("dependency", "payments", { delay_ms: 300 }));
    const started = performance.now();
    await charge();
    expect(performance.now() - started).toBeGreaterThan(300);
    await slow.revert();
    await using hang = await inject(given("dependency", "payments", { mode: "hang" }));
    await expect(charge(500)).rejects.toThrow("timed out");
    expect((await hang.verify()).landed).toBe(true);
    await hang.revert();
    expect(await charge()).toBe(201);
  });

  test("is ended by another process after SIGKILL of its owner", async () => {
    await injectByKilledOwner(given("dependency", "payments", { mode: "hang" }), async () =>
      expect(await mode()).toBe("hang"),
    );
    await expectRevertedByAnother();
    expect(await charge()).toBe(201);
  });

  test("a provider that was killed meanwhile behaves again, and the revert is fine, up or down", async () => {
    for (const wait of [true, false]) {
      const { pid, restarts } = await statusOf("payments");
      const fault = await inject(given("dependency", "payments", { mode: "hang" }));
      process.kill(pid ?? -1, "SIGKILL");
      if (wait) {
        await backAfter("payments", restarts);
        expect((await fault.verify()).landed).toBe(false);
      }
      await revertWholly(fault);
      await backAfter("payments", restarts);
      expect(await mode()).toBe("normal");
      expect(await charge()).toBe(201);
    }
  });

  test("a service that cannot be told so is refused", async () => {
    await expect(inject(given("dependency", "catalog", { mode: "hang" }))).rejects.toMatchObject({
      kind: "badConfig",
    });
    await expect(inject(given("dependency", "redis", { mode: "hang" }))).rejects.toMatchObject({
      kind: "badConfig",
    });
  });
});

describe("memory", () => {
  const limit = () =>
    readControl(groupOf("catalog"), "memory.limit_in_bytes") ?? readControl(groupOf("catalog"), "memory.max");
  const both = () => [limit(), readControl(groupOf("catalog"), "memory.memsw.limit_in_bytes")];
  /** A process of the node that wants 400 MiB; how it ends. */
  async function wants400(): Promise<string | number | null> {
    const child = spawnIn(
      "catalog",
      "const b = []; for (let i = 0; i < 40; i++) b.push(Buffer.alloc(10 * 2 ** 20, i + 1)); process.exit(b.length - 40);",
    );
    await child.exited;
    return child.signalCode ?? child.exitCode;
  }

  test("what exceeds the limit is killed, and is not after the revert", async () => {
    const before = both();
    const fault = await inject(given("memory", "catalog", { limit_mib: 256 }));
    expect(Number(limit()) / 2 ** 20).toBeWithin(256, 256.1);
    expect(await wants400()).toBe("SIGKILL");
    const evidence = await fault.verify();
    expect(evidence.landed).toBe(true);
    expect(evidence.measures.oom_kills).toBeGreaterThan(0);
    expect(evidence.measures.limit_hits).toBeGreaterThan(0);
    const event = await revertWholly(fault);
    expect(await fault.revert()).toEqual(event);
    expect(both()).toEqual(before);
    expect(await wants400()).toBe(0);
    expect((await fault.verify()).landed).toBe(false);
    console.log(`memory: ${evidence.detail}`);
  });

  test("is lifted by another process after SIGKILL of its owner, and after the node was killed", async () => {
    const before = both();
    const { pid, restarts } = await statusOf("catalog");
    await injectByKilledOwner(given("memory", "catalog", { limit_mib: 300 }), () =>
      expect(both()).not.toEqual(before),
    );
    process.kill(pid ?? -1, "SIGKILL");
    await expectRevertedByAnother();
    expect(both()).toEqual(before);
    await backAfter("catalog", restarts);
  });

  test("a limit below what the node holds costs it its life, and it comes back after the revert", async () => {
    const before = both();
    const { restarts } = await statusOf("catalog");
    const fault = await inject(given("memory", "catalog", { limit_mib: 2 }));
    await waitFor(async () => (await statusOf("catalog")).restarts > restarts, {
      what: "a restart",
      timeoutMs: 20_000,
    });
    expect(Number(limit()) / 2 ** 20).toBeWithin(2, 2.1);
    await expect(answers("catalog", 1_000)).rejects.toThrow();
    const evidence = await fault.verify();
    expect(evidence.landed).toBe(true);
    expect(evidence.measures.oom_kills).toBeGreaterThan(0);
    console.log(`memory: ${evidence.detail}`);
    await revertWholly(fault);
    expect(both()).toEqual(before);
    await backAfter("catalog", restarts);
    expect(await answers("catalog")).toBe(true);
  });
});

describe("restart", () => {
  type Restarted = Awaited<ReturnType<typeof statusOf>>;
  const rollOf = (target: NodeName, then: NodeName[], params: Record<string, unknown>): InjectOptions => {
    const fault = { type: "restart", target, params: { ...params, then } } as const;
    return { journal: lab.paths.journal, fault, ...lab.targetsOf(fault) };
  };
  /** The replica, asked to end by Postgres' smart shutdown, which waits for the client that it has until disposal. */
  async function reluctantReplica(): Promise<AsyncDisposable & { target: Target }> {
    const sql = postgres(databaseUrl(lab, "pg-replica"), { max: 1, onnotice: () => {} });
    await sql`select 1`;
    return {
      target: { ...lab.target("pg-replica"), stopSignal: "SIGTERM" },
      [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
    };
  }
  const untouched = async (before: Restarted) =>
    expect(await statusOf(before.name as NodeName)).toEqual(before);

  async function evidenceOf(fault: ActiveFault, isMeant: (evidence: Evidence) => boolean): Promise<Evidence> {
    const meant = async () => {
      const evidence = await fault.verify();
      return isMeant(evidence) && evidence;
    };
    return waitFor(meant, { what: "the evidence", timeoutMs: 90_000 });
  }
  const whole = ({ measures }: Evidence): boolean => measures.restarted_nodes === measures.nodes;

  beforeEach(async () => {
    const ready = async () => (await lab.nodes()).every((node) => node.state === "ready");
    await waitFor(ready, { what: "every node", timeoutMs: 60_000 });
  });

  test("a draining service ends by itself, one that is not drained is killed; both come back", async () => {
    for (const drain of [true, false]) {
      const { restarts, pid } = await statusOf("orders-2");
      const fault = await inject(given("restart", "orders-2", { drain }));
      const evidence = await evidenceOf(fault, whole);
      const back = await statusOf("orders-2");
      expect(back).toMatchObject({ state: "ready", restarts: restarts + 1 });
      expect(back.pid).not.toBe(pid);
      expect(back.last_exit).toBe(drain ? "exit code 0" : "signal SIGKILL");
      expect(evidence).toMatchObject({
        landed: true,
        measures: { drained_nodes: drain ? 1 : 0, killed_nodes: drain ? 0 : 1 },
      });
      console.log(`restart: drain ${drain}: ${evidence.detail}`);
      await revertWholly(fault);
      await untouched(back);
    }
  });

  test("a database with clients connected is drained by its fast shutdown, within its grace", async () => {
    const sql = postgres(databaseUrl(lab, "pg-replica"), { max: 1, onnotice: () => {} });
    try {
      await sql`select 1`;
      const fault = await inject(given("restart", "pg-replica", { drain: true }));
      const evidence = await evidenceOf(fault, whole);
      expect(evidence.measures).toMatchObject({ drained_nodes: 1, killed_nodes: 0 });
      expect(evidence.measures["pg-replica.ended_after_ms"]).toBeLessThan(9_000);
      expect((await statusOf("pg-replica")).last_exit).toBe("exit code 0");
      console.log(`restart: ${evidence.detail}`);
      await revertWholly(fault);
    } finally {
      await sql.end({ timeout: 1 });
    }
  });

  test("what does not end within its grace is killed", async () => {
    const options = given("restart", "pg-replica", { drain: true, grace_ms: 400 });
    await using replica = await reluctantReplica();
    const fault = await inject({ ...options, target: replica.target });
    const evidence = await evidenceOf(fault, whole);
    expect(evidence).toMatchObject({ landed: true, measures: { drained_nodes: 0, killed_nodes: 1 } });
    expect(evidence.measures["pg-replica.ended_after_ms"]).toBeGreaterThanOrEqual(400);
    await revertWholly(fault);
  });

  test("a node that is still draining when its owner is killed is ended by the revert, and comes back", async () => {
    const { restarts, pid } = await statusOf("pg-replica");
    const options = given("restart", "pg-replica", { drain: true, grace_ms: 600_000 });
    await using replica = await reluctantReplica();
    await injectByKilledOwner({ ...options, target: replica.target }, async () =>
      expect((await statusOf("pg-replica")).pid).toBe(pid),
    );
    await expectRevertedByAnother();
    await backAfter("pg-replica", restarts);
  });

  describe.each([true, false])("rolling, drain %p", (drain) => {
    test("goes over the nodes in order, and never two are down at once", async () => {
      const before = [await statusOf("orders-1"), await statusOf("orders-2")] as const;
      const fault = await inject(rollOf("orders-1", ["orders-2"], { drain }));
      const samples: (readonly [Restarted, Restarted])[] = [];
      let evidence: Evidence;
      const deadline = performance.now() + 60_000;
      do {
        await Bun.sleep(5);
        const nodes = await lab.nodes();
        const at = (name: NodeName) => nodes.filter((each) => each.name === name);
        for (const one of at("orders-1")) for (const two of at("orders-2")) samples.push([one, two]);
        evidence = await fault.verify();
      } while (!whole(evidence) && performance.now() < deadline);
      const isDown = ({ state }: Restarted): boolean => state !== "ready";
      expect(samples.filter(([one]) => isDown(one)).length).toBeGreaterThan(5);
      expect(samples.filter(([, two]) => isDown(two)).length).toBeGreaterThan(5);
      expect(samples.filter((pair) => pair.every(isDown))).toEqual([]);
      const early = samples.filter(([one]) => one.restarts === before[0].restarts || isDown(one));
      for (const [, two] of early) expect(two).toEqual(before[1]);
      const after = [await statusOf("orders-1"), await statusOf("orders-2")] as const;
      for (const [i, { restarts }] of before.entries())
        expect(after[i]).toMatchObject({ state: "ready", restarts: restarts + 1 });
      expect(evidence).toMatchObject({
        landed: true,
        measures: { restarted_nodes: 2, drained_nodes: drain ? 2 : 0, killed_nodes: drain ? 0 : 2 },
      });
      console.log(`restart: drain ${drain}: ${samples.length} samples; ${evidence.detail}`);
      const event = await revertWholly(fault);
      expect(await fault.revert()).toEqual(event);
      for (const node of after) await untouched(node);
    });

    test("ends when its owner is killed: the node that ended comes back, the next is untouched", async () => {
      const [{ restarts }, next] = [await statusOf("orders-1"), await statusOf("orders-2")];
      await injectByKilledOwner(rollOf("orders-1", ["orders-2"], { drain }), () => untouched(next));
      const back = await backAfter("orders-1", restarts);
      await expectRevertedByAnother();
      await untouched(next);
      await untouched(back);
    });
  });

  test("a later node that is half-way when the owner is killed comes back, the one before it is left alone", async () => {
    const [{ restarts }, second] = [await statusOf("orders-1"), await statusOf("pg-replica")];
    const options = rollOf("orders-1", ["pg-replica"], { drain: true, grace_ms: 600_000 });
    const isAsked = (): boolean =>
      JSON.stringify(openFaults(lab.paths.journal)[0]?.undo ?? {}).includes(`"asked":{"pid":${second.pid},`);
    await using replica = await reluctantReplica();
    await injectByKilledOwner({ ...options, others: { "pg-replica": replica.target } }, () =>
      waitFor(isAsked, { what: "the second node's turn", timeoutMs: 60_000 }),
    );
    const first = await backAfter("orders-1", restarts);
    await untouched(second);
    await expectRevertedByAnother();
    await backAfter("pg-replica", second.restarts);
    await untouched(first);
  });

  test("is cut short by its lease, which the evidence says, with flags as on the command line", async () => {
    const next = await statusOf("orders-2");
    const argv = ["inject", "restart", "--lab", LAB, "--target", "orders-1", "--drain", "--then", "orders-2"];
    const { restarts } = await statusOf("orders-1");
    expect((await chaoslab([...argv, "--for", "200ms"])).code).toBe(0);
    await waitFor(() => openFaults(lab.paths.journal).length === 0, { what: "the lease", timeoutMs: 20_000 });
    await backAfter("orders-1", restarts);
    await untouched(next);
    const fault = await inject(rollOf("orders-1", ["orders-2"], { drain: true }));
    const { evidence } = await revertWholly(fault);
    expect(evidence?.detail).toMatch(/^0 of 2 nodes .*; orders-2 not reached; cut short by .* lease/);
    await backAfter("orders-1", restarts + 1);
    await untouched(next);
  });

  test("goes no further once another process has reverted it", async () => {
    const [{ restarts }, next] = [await statusOf("orders-1"), await statusOf("orders-2")];
    const fault = await inject(rollOf("orders-1", ["orders-2"], { drain: true }));
    await expectRevertedByAnother();
    const evidence = await evidenceOf(fault, ({ detail }) => detail.includes("reverted meanwhile"));
    expect(evidence).toMatchObject({ landed: true, measures: { restarted_nodes: 1 } });
    await backAfter("orders-1", restarts);
    await untouched(next);
    await revertWholly(fault);
  });

  test("a node that is not back in time ends the roll, which the evidence says", async () => {
    const [{ restarts }, next] = [await statusOf("orders-1"), await statusOf("orders-2")];
    const fault = await inject(rollOf("orders-1", ["orders-2"], { drain: false, ready_ms: 100 }));
    const { detail } = await evidenceOf(fault, (evidence) => evidence.detail.includes("stopped"));
    expect(detail).toMatch(/orders-1 .*waited 0\.1 s .*the roll stopped there\); orders-2 not reached$/);
    await backAfter("orders-1", restarts);
    await untouched(next);
    await revertWholly(fault);
  });

  test("is refused before anything is done when one of its nodes cannot be restarted", async () => {
    const before = await lab.nodes();
    const roll = rollOf("orders-1", ["orders-2"], { drain: true });
    for (const [others, kind] of [
      [{ "orders-2": { ...lab.target("orders-2"), supervisor: null } }, "prerequisite"],
      [
        {
          "orders-2": {
            ...lab.target("orders-2"),
            supervisor: { by: "lab", socket: join(home, "none.sock") },
          },
        },
        "labFailed",
      ],
      [{ "orders-2": { ...lab.target("orders-2"), cgroup: null } }, "badConfig"],
    ] as const) {
      await expect(inject({ ...roll, others })).rejects.toMatchObject({ kind });
    }
    const argv = ["inject", "restart", "--lab", LAB, "--target", "orders-1", "--drain", "--then"];
    for (const [then, said] of [
      ["orders-1", "--then: orders-1 is the first one already"],
      ["orders-2,orders-2", "--then: "],
      ["orders-9", 'no node "orders-9"'],
      ["client", "client has no processes of its own"],
    ] as const)
      expect(oneLine(await chaoslab([...argv, then]))).toContain(said);
    expect(await lab.nodes()).toEqual(before);
    const fault = await inject(roll);
    await expect(inject(given("restart", "orders-2", { drain: false }))).rejects.toMatchObject({
      kind: "busy",
    });
    await evidenceOf(fault, whole);
    await revertWholly(fault);
  });
});

describe("nothing stays when the owner is killed at any moment of injecting", () => {
  /** What of the node a fault may change. */
  const picture = (name: NodeName) => ({
    controls: ["cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max", "memory.limit_in_bytes", "memory.max"]
      .concat(["memory.memsw.limit_in_bytes", "memory.swap.max", "freezer.state", "cgroup.freeze"])
      .map((file) => readControl(groupOf(name), file)),
    stopped: processesOf(groupOf(name)).filter((each) => each.state === "T"),
    fills: readdirSync(lab.paths.volume("pg-primary")).filter((each) => each.startsWith(".chaoslab")),
  });

  for (const [type, params] of [
    ["cpu", { cores: 0.5 }],
    ["memory", { limit_mib: 400 }],
    ["stop", {}],
    ["disk", { leave_bytes: 16 * 2 ** 20 }],
  ] as const) {
    test(type, async () => {
      const before = picture("pg-primary");
      for (let afterMs = 50; afterMs <= 150; afterMs += 10) {
        const script = resolve(import.meta.dir, "owner.ts");
        const owner = Bun.spawn([BUN, script, JSON.stringify(given(type, "pg-primary", params))]);
        await Bun.sleep(afterMs);
        owner.kill("SIGKILL");
        await owner.exited;
        for (const { error } of await revertAll(lab.paths.journal)) expect(error).toBeNull();
        expect(picture("pg-primary")).toEqual(before);
      }
      expect((await statusOf("pg-primary")).state).toBe("ready");
    });
  }
});
