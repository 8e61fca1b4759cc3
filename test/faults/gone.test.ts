/** That a fault is gone is said by the kernel and the nodes of a real lab: what is left of one, or put back, is named. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { inject } from "../../src/faults/controller.ts";
import type { Undo } from "../../src/faults/fault.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { cgroupOf, readControl, writeControl } from "../../src/faults/node/cgroup.ts";
import { processesOf, thaw } from "../../src/faults/node/processes.ts";
import { remains, undo } from "../../src/faults/registry.ts";
import { type Reverted, revertAll } from "../../src/faults/revert.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { databaseUrl } from "../../src/lab/host/nodes.ts";
import type { NodeName } from "../../src/lab/host/topology.ts";
import type { Target } from "../../src/lab/target.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultEvent, FaultType } from "../../src/model/fault.ts";
import { chaoslab } from "../support.ts";

setDefaultTimeout(120_000);
const LAB = "test-g";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-g-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;
let lab: HostLab;

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
});
afterAll(async () => {
  const { code } = await chaoslab(["down", "--lab", LAB]);
  rmSync(home, { recursive: true, force: true });
  expect(code).toBe(0);
});

const groupOf = (name: NodeName) => cgroupOf(lab.target(name));

/** Injects, and tells what undoes the fault. */
async function injected(
  type: FaultType,
  name: NodeName,
  params: Record<string, unknown> = {},
  target: Target = lab.target(name),
) {
  const { journal } = lab.paths;
  const active = await inject({ journal, fault: { type, target: name, params }, target });
  const data = openFaults(journal).find(({ id }) => id === active.event.id)?.undo;
  if (!data) throw new Error(`${active.event.id} is not in the journal`);
  return { active, data };
}

/** What the undo of a limit has recorded. */
const limitsOf = (data: Undo) =>
  (data as Undo & { limits: { file: string; before: string; ours: string }[] }).limits;

for (const [type, params] of [
  ["cpu", { cores: 0.5 }],
  ["memory", { limit_mib: 400 }],
] as const) {
  test(`${type}: a limit that is in force again, and the part of one`, async () => {
    const cgroup = groupOf("catalog");
    const { active, data } = await injected(type, "catalog", params);
    const all = await remains(data);
    for (const { file, ours } of limitsOf(data)) expect(all).toContain(`${file} is ${ours}`);
    expect(await active.revert()).toMatchObject({ gone: true, remains: null });
    expect(await remains(data)).toBeNull();

    for (const { file, ours } of limitsOf(data)) writeControl(cgroup, file, ours);
    expect(await remains(data)).toBe(all);
    await undo(data);
    expect(await remains(data)).toBeNull();

    // The quota alone, or the limit alone: on v1 another file than the mark's.
    const last = limitsOf(data).at(-1);
    if (!last || limitsOf(data).length === 1) return;
    if (type === "memory") writeControl(cgroup, limitsOf(data)[0]?.file ?? "", `${400 * 2 ** 20}`);
    writeControl(cgroup, last.file, last.ours);
    expect(await remains(data)).toMatch(new RegExp(`^[^,]*${last.file} is ${last.ours}$`));
    await undo(data);
    expect(readControl(cgroup, last.file)).toBe(last.before);
    expect(await remains(data)).toBeNull();
    for (const { file, before } of limitsOf(data).toReversed()) writeControl(cgroup, file, before);
  });

  test(`${type}: the limit of the next fault is not what remains of the last`, async () => {
    const first = await injected(type, "catalog", params);
    await first.active.revert();
    const second = await injected(type, "catalog", params);
    expect(await remains(first.data)).toBeNull();
    expect(await remains(second.data)).not.toBeNull();
    await second.active.revert();
  });
}

test("stop: a process that is stopped", async () => {
  const { active, data } = await injected("stop", "catalog");
  expect(await remains(data)).toStartWith("stopped processes: ");
  await active.revert();
  const [one] = processesOf(groupOf("catalog"));
  process.kill(one?.pid ?? -1, "SIGSTOP");
  await waitFor(() => processesOf(groupOf("catalog"))[0]?.state === "T", { what: "it", timeoutMs: 5_000 });
  expect(await remains(data)).toBe(`stopped processes: ${one?.pid}`);
  await undo(data);
  expect(await remains(data)).toBeNull();
});

test("kill: a frozen group, but not a node that is not back yet", async () => {
  const { active, data } = await injected("kill", "orders-2");
  expect(await remains(data)).toBeNull();
  expect(await active.revert()).toMatchObject({ gone: true });
  const cgroup = groupOf("orders-2");
  const [file, frozen] =
    cgroup.version === 2 ? (["cgroup.freeze", "1"] as const) : (["freezer.state", "FROZEN"] as const);
  writeControl(cgroup, file, frozen);
  expect(await remains(data)).toBe("its cgroup is frozen");
  thaw(cgroup);
  expect(await remains(data)).toBeNull();
});

test("restart: a node that is asked to end and has not", async () => {
  // Postgres' smart shutdown waits for the client that it has.
  const sql = postgres(databaseUrl(lab, "pg-replica"), { max: 1, onnotice: () => {} });
  try {
    await sql`select 1`;
    const reluctant = { ...lab.target("pg-replica"), stopSignal: "SIGTERM" } as const;
    const params = { drain: true, grace_ms: 600_000 };
    const { active, data } = await injected("restart", "pg-replica", params, reluctant);
    expect(await remains(data)).toMatch(/^process \d+ is still asked to end$/);
    expect(await active.revert()).toMatchObject({ gone: true, remains: null });
    expect(await remains(data)).toBeNull();
  } finally {
    await sql.end({ timeout: 1 });
  }
});

test("dependency: a behaviour that is as the fault made it, but not another", async () => {
  const { active, data } = await injected("dependency", "payments", { error_rate_percent: 50 });
  const url = lab.topology.url("payments");
  const seen = `${url} behaves so: {"error_rate":0.5,"delay_ms":0,"mode":"normal"}`;
  expect(await remains(data)).toBe(seen);
  expect(await active.revert()).toMatchObject({ gone: true, remains: null });
  const behave = (error_rate: number) =>
    fetch(`${url}/behaviour`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ error_rate, delay_ms: 0, mode: "normal" }),
    });
  await behave(0.25);
  expect(await remains(data)).toBeNull();
  await behave(0.5);
  expect(await remains(data)).toBe(seen);
  await undo(data);
  expect(await remains(data)).toBeNull();
});

test("disk: the file, or its space while somebody holds the deleted file open, which the event says", async () => {
  const { active, data } = await injected("disk", "pg-primary", { leave_bytes: 50 * 2 ** 20 });
  const path = join(lab.paths.volume("pg-primary"), `.chaoslab-fill-${active.event.id}`);
  expect(await remains(data)).toMatch(new RegExp(`^${path} takes \\d{6,} bytes$`));
  const fd = openSync(path, "r");
  const held = `${path} is deleted, but held open by process ${process.pid}`;
  try {
    expect(await active.revert()).toMatchObject({
      t_stop: expect.any(Number),
      gone: false,
      remains: held,
    });
  } finally {
    closeSync(fd);
  }
  expect(await remains(data)).toBeNull();
  writeFileSync(path, "back");
  expect(await remains(data)).toStartWith(`${path} takes `);
  await undo(data);
  expect(await remains(data)).toBeNull();
});

test("on the command line a fault that remains is named, and exits with 7", async () => {
  const argv = ["--lab", LAB, "--target", "pg-primary", "--leave-bytes", `${50 * 2 ** 20}`, "--json"];
  for (const json of [false, true]) {
    const { stdout, code } = await chaoslab(["inject", "disk", ...argv]);
    expect(code).toBe(0);
    const { id, gone, remains: left } = JSON.parse(stdout) as FaultEvent;
    expect([gone, left]).toEqual([null, null]);
    const path = join(lab.paths.volume("pg-primary"), `.chaoslab-fill-${id}`);
    const fd = openSync(path, "r");
    const held = `${path} is deleted, but held open by process ${process.pid}`;
    try {
      const reverted = await chaoslab(["revert", id, ...(json ? ["--json"] : [])]);
      expect(reverted.code).toBe(7);
      if (json) {
        const [only] = JSON.parse(reverted.stdout) as Reverted[];
        expect(only).toMatchObject({ error: null, event: { id, gone: false, remains: held } });
      } else {
        expect(reverted.stdout).toBe(`${id}: disk on pg-primary reverted, but of it remains: ${held}\n`);
      }
    } finally {
      closeSync(fd);
    }
    expect(await chaoslab(["revert", "--all"])).toMatchObject({ code: 0, stdout: "no active fault\n" });
  }
});

test("the look comes after the fault is closed, and is no part of t_stop", async () => {
  const { active } = await injected("disk", "pg-primary", { leave_bytes: 50 * 2 ** 20 });
  const path = join(lab.paths.volume("pg-primary"), `.chaoslab-fill-${active.event.id}`);
  const fd = openSync(path, "r");
  try {
    const reverting = active.revert();
    while (openFaults(lab.paths.journal).length > 0) await Bun.sleep(1);
    const closed = Date.now();
    expect(Bun.peek.status(reverting)).toBe("pending");
    const { t_stop } = await reverting;
    expect(t_stop).toBeLessThanOrEqual(closed);
    expect(Date.now() - closed).toBeGreaterThan(200);
  } finally {
    closeSync(fd);
  }
});
