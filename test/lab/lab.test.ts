/** A real lab, by the built binary: what it is made of, what survives a death, and that nothing of it stays. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, readlinkSync, statfsSync, statSync, writeFileSync } from "node:fs";
import postgres from "postgres";
import { inject } from "../../src/faults/controller.ts";
import { exec } from "../../src/lab/exec.ts";
import { cgroupLayout, cgroupProcesses } from "../../src/lab/host/cgroup.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import type { LabDocument } from "../../src/lab/host/manage.ts";
import { databaseUrl } from "../../src/lab/host/nodes.ts";
import { LabPaths } from "../../src/lab/host/record.ts";
import { NODE_NAMES, type NodeName, PORTS } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { chaoslab, connectMs, hostPicture, oneLine, start } from "../support.ts";

setDefaultTimeout(90_000);

const before = await hostPicture();
let lab: HostLab;

const labNamed = (name: string): HostLab => {
  const found = findLab(name);
  if (!found) throw new Error(`no lab ${name}`);
  return found;
};

const node = async (name: NodeName) => {
  const found = (await lab.nodes()).find((each) => each.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
};

const api = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(lab.apiUrl + path, { ...init, signal: AbortSignal.timeout(5_000) });

async function token(tenant: string): Promise<string> {
  const answer = await api("/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ tenant }),
  });
  return ((await answer.json()) as { token: string }).token;
}

const order = async (): Promise<Response> =>
  api("/orders", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await token("tenant-01")}` },
    body: JSON.stringify({ product_id: "p-0001", quantity: 2 }),
  });

async function medianConnectMs(name: NodeName, count = 15): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await connectMs(lab.topology.address(name), PORTS[name]));
  return times.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}

beforeAll(async () => {
  const { code, stdout, stderr } = await chaoslab(["up", "--lab", "test-a", "--json"]);
  expect(stderr).toContain("is ready after");
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as LabDocument;
  expect(document.nodes.map((each) => each.state)).toEqual(NODE_NAMES.map(() => "ready"));
  lab = labNamed("test-a");
});

afterAll(async () => {
  await chaoslab(["down", "--all"]);
});

test("boot prints each step with its time, and takes less than 15 s", async () => {
  const { stderr } = await chaoslab(["up", "--lab", "test-t"]);
  for (const step of ["network", "cgroups", "volume", "seed", "base backup", "pg-replica", "api"]) {
    expect(stderr).toMatch(new RegExp(`^  (.*, )?${step}\\b.* \\d+\\.\\d\\d s  `, "m"));
  }
  const seconds = Number(/is ready after (\d+\.\d) s/.exec(stderr)?.[1]);
  expect(seconds).toBeLessThan(15);
  await chaoslab(["down", "--lab", "test-t"]);
});

test("every node runs in its own network namespace and cgroup, the databases without root", async () => {
  const layout = cgroupLayout();
  const own = readlinkSync("/proc/self/ns/net");
  const namespaces = new Set<string>();
  for (const name of NODE_NAMES) {
    const pids = cgroupProcesses(layout, lab.name, name);
    expect(pids).toContain((await node(name)).pid ?? -1);
    for (const pid of pids) {
      namespaces.add(readlinkSync(`/proc/${pid}/ns/net`));
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      if (["pg-primary", "pg-replica", "redis"].includes(name)) expect(uid).not.toBe(0);
    }
  }
  expect(namespaces.size).toBe(NODE_NAMES.length);
  expect(namespaces).not.toContain(own);
});

test("the primary's data is on a volume of its own, of a known size", () => {
  const volume = lab.paths.volume("pg-primary");
  expect(statSync(volume).dev).not.toBe(statSync(lab.paths.dir).dev);
  const { blocks, bsize } = statfsSync(volume);
  expect(blocks * bsize).toBeGreaterThan(500 * 2 ** 20);
  expect(blocks * bsize).toBeLessThan(800 * 2 ** 20);
});

test("the replica streams: a row written to the primary arrives, and it takes no writes", async () => {
  const ctx = { record: lab.record, topology: lab.topology, paths: lab.paths };
  const open = (name: "pg-primary" | "pg-replica") =>
    postgres(databaseUrl(ctx, name, "postgres", "shop"), { max: 1, onnotice: () => {} });
  const [primary, replica] = [open("pg-primary"), open("pg-replica")];
  try {
    const [stream] = await primary`select state, client_addr from pg_stat_replication`;
    expect(stream).toMatchObject({ state: "streaming", client_addr: lab.topology.address("pg-replica") });
    await primary`create table proof (n int)`;
    await primary`insert into proof values (42)`;
    await waitFor(async () => (await replica`select n from proof`)[0]?.n === 42, {
      what: "the row",
      timeoutMs: 10_000,
    });
    await expect(replica`insert into proof values (1)`.execute()).rejects.toThrow("read-only");
  } finally {
    await Promise.all([primary.end(), replica.end()]);
  }
});

test("a checkout takes the money once, and the order is read from the replica by its tenant only", async () => {
  const answer = await order();
  expect(answer.status).toBe(201);
  const { id, status } = (await answer.json()) as { id: string; status: string };
  expect(status).toBe("paid");
  const read = async (tenant: string): Promise<number> =>
    (await api(`/orders/${id}`, { headers: { authorization: `Bearer ${await token(tenant)}` } })).status;
  await waitFor(async () => (await read("tenant-01")) === 200, { what: "the replica", timeoutMs: 10_000 });
  expect(await read("tenant-02")).toBe(404);
  expect((await api(`/orders/${id}`)).status).toBe(401);
  const charge = await fetch(`${lab.topology.url("payments")}/charges/${id}`);
  expect(charge.status).toBe(200);
});

describe("latency on a node of the lab", () => {
  test("is what was asked, within 2 ms at the socket, and gone after the revert", async () => {
    const calm = await medianConnectMs("payments");
    const fault = await inject({
      journal: lab.paths.journal,
      fault: { type: "latency", target: "payments", params: { delay_ms: 100 } },
      target: lab.target("payments"),
    });
    try {
      const slowed = await medianConnectMs("payments");
      expect(Math.abs(slowed - calm - 100)).toBeLessThan(2);
      expect(await medianConnectMs("catalog")).toBeLessThan(20);
      const evidence = await fault.verify();
      expect(evidence.landed).toBeTrue();
      expect(evidence.measures.packets).toBeGreaterThan(10);
      const { stdout } = await chaoslab(["status", "--lab", lab.name, "--json"]);
      const [document] = JSON.parse(stdout) as LabDocument[];
      expect(document?.faults.map((each) => each.target)).toEqual(["payments"]);
    } finally {
      await fault.revert();
    }
    expect(await medianConnectMs("payments")).toBeLessThan(20);
  });
});

describe("a killed node comes back by itself:", () => {
  for (const name of ["orders-1", "pg-primary", "redis"] as const) {
    test(name, async () => {
      const { pid, restarts } = await node(name);
      process.kill(pid ?? -1, "SIGKILL");
      const back = await waitFor(
        async () => {
          const now = await node(name);
          return now.restarts > restarts && now.state === "ready" && now;
        },
        { what: `${name} to come back`, timeoutMs: 30_000 },
      );
      expect(back.pid).not.toBe(pid);
      expect(back.last_exit).toBe("signal SIGKILL");
      await waitFor(async () => (await order()).status === 201, { what: "checkouts", timeoutMs: 30_000 });
    });
  }
});

test("two labs live side by side, and taking one down leaves the other alone", async () => {
  expect((await chaoslab(["up", "--lab", "test-b"])).code).toBe(0);
  const second = labNamed("test-b");
  expect(second.topology.cidr).not.toBe(lab.topology.cidr);
  expect((await fetch(`${second.apiUrl}/readyz`)).ok).toBeTrue();
  expect((await order()).status).toBe(201);
  expect((await chaoslab(["down", "--lab", "test-b"])).code).toBe(0);
  expect((await order()).status).toBe(201);
  expect((await lab.nodes()).every((each) => each.state === "ready")).toBeTrue();
});

test("a second lab of the same name is refused", async () => {
  const again = await chaoslab(["up", "--lab", lab.name]);
  expect(again.code).toBe(8);
  expect(oneLine(again)).toContain("already up");
});

test("of two boots of one name at once, one comes up and the other is refused", async () => {
  const both = await Promise.all([chaoslab(["up", "--lab", "test-s"]), chaoslab(["up", "--lab", "test-s"])]);
  expect(both.map(({ code }) => code).toSorted()).toEqual([0, 8]);
  expect(both.map(({ stderr }) => stderr).join("")).not.toContain("removing what is left");
  expect((await fetch(`${labNamed("test-s").apiUrl}/readyz`)).ok).toBeTrue();
  expect((await chaoslab(["down", "--lab", "test-s"])).code).toBe(0);
});

test("down takes down a lab that is still booting, and its up says so", async () => {
  const child = start(["up", "--lab", "test-g"]);
  // The first finished step: the boot is under way.
  await child.stderr.getReader().read();
  const down = await chaoslab(["down", "--lab", "test-g"]);
  expect(down).toMatchObject({ code: 0, stderr: expect.stringContaining("removed in") });
  expect(await child.exited).toBe(7);
  expect(findLab("test-g")).toBeNull();
  expect((await exec(["ip", "netns", "list"])).stdout).not.toContain("chaoslab-test-g-");
});

test("a record that cannot be read hides no other lab from status and doctor", async () => {
  const { dir, record } = new LabPaths("test-x");
  mkdirSync(dir);
  writeFileSync(record, "{");
  try {
    const { code, stdout, stderr } = await chaoslab(["status", "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as LabDocument[]).map((each) => each.lab)).toEqual([lab.name]);
    expect(stderr).toContain("lab test-x: its record cannot be read");
    expect((await chaoslab(["doctor", "--json"])).stderr).toBe("");
  } finally {
    expect((await chaoslab(["down", "--lab", "test-x"])).code).toBe(0);
  }
});

test("foreign rules and namespaces survive a lab's end", async () => {
  const foreign = `cltest-foreign-${process.pid}`;
  await exec(["ip", "netns", "add", foreign]);
  try {
    await chaoslab(["up", "--lab", "test-f"]);
    await chaoslab(["down", "--lab", "test-f"]);
    expect((await exec(["ip", "netns", "list"])).stdout).toContain(foreign);
  } finally {
    await exec(["ip", "netns", "del", foreign]);
  }
});

test("a lab whose supervisor was killed is said to be dead, and makes way for a new one", async () => {
  await chaoslab(["up", "--lab", "test-d"]);
  process.kill(labNamed("test-d").record.supervisor?.pid ?? -1, "SIGKILL");
  await waitFor(() => labNamed("test-d").state === "dead", {
    what: "the supervisor's death",
    timeoutMs: 5_000,
  });
  expect((await chaoslab(["status", "--lab", "test-d"])).stdout).toContain("dead");
  const again = await chaoslab(["up", "--lab", "test-d"]);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain("removing what is left");
  expect((await chaoslab(["down", "--lab", "test-d"])).code).toBe(0);
});

describe("a boot that is cut off leaves nothing:", () => {
  for (const [signal, code] of [
    ["SIGINT", 105],
    ["SIGTERM", 105],
    ["SIGKILL", null],
  ] as const) {
    test(signal, async () => {
      const child = start(["up", "--lab", "test-c"]);
      await waitFor(() => findLab("test-c"), { what: "the boot to begin", timeoutMs: 10_000 });
      await Bun.sleep(400);
      child.kill(signal);
      await child.exited;
      if (code !== null) expect(child.exitCode).toBe(code);
      await waitFor(() => !findLab("test-c"), { what: "the lab to be gone", timeoutMs: 20_000 });
      const namespaces = (await exec(["ip", "netns", "list"])).stdout;
      expect(namespaces).not.toContain("chaoslab-test-c-");
    });
  }
});

test("down leaves no namespace, link, route, rule, cgroup, mount, file or process, and twice is fine", async () => {
  expect((await chaoslab(["down", "--lab", lab.name])).code).toBe(0);
  await waitFor(async () => Bun.deepEquals(await hostPicture(), before), {
    what: "the host to look as before",
    timeoutMs: 5_000,
  }).catch(() => {});
  expect(await hostPicture()).toEqual(before);
  const again = await chaoslab(["down", "--lab", lab.name]);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain("nothing to remove");
});
