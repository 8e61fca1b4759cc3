/** The controller and `inject` in rough hands: bodies by chance, several at once, killed at any moment, a lab taken away. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal, openFaults } from "../../src/faults/journal.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { isAlive } from "../../src/lab/process.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { EXAMPLES } from "../../src/model/examples.ts";
import type { FaultEvent } from "../../src/model/fault.ts";
import { FAULT_TYPES } from "../../src/model/params.ts";
import { seeded } from "../../src/model/random.ts";
import { chaoslab, oneLine, processes, start } from "../support.ts";

setDefaultTimeout(180_000);
const LAB = "test-h";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-h-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;

let lab: HostLab;
let base = "";
let server: ReturnType<typeof start>;
const LATENCY = { type: "latency", target: "payments", params: { delay_ms: 100 } };

async function serve(...flags: string[]): Promise<ReturnType<typeof start>> {
  const child = start(["chaos", "--lab", LAB, "--results", home, ...flags]);
  const { value } = await child.stderr.getReader().read();
  const said = new TextDecoder().decode(value);
  base = /at (http:\S+)/.exec(said)?.[1]?.replace(/,$/, "") ?? base;
  expect(said).toStartWith("controller of lab");
  return child;
}

async function call(method: string, path: string, body?: unknown, unix?: string) {
  const answer = await fetch(`${unix ? "http://controller" : base}${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(unix ? { unix } : {}),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  return { status: answer.status, text, json: (): unknown => JSON.parse(text) };
}

async function inject(body: unknown): Promise<string> {
  const { status, json } = await call("POST", "/chaos/inject", body);
  expect(status).toBe(201);
  return (json() as FaultEvent).id;
}

const open = () => openFaults(lab.paths.journal);
const helpers = (): string[] =>
  processes().filter((argv) => / internal (guard|nfqueue|keep|clock)\b/.test(argv));

/** What faults put on packets: rules in the fabric, qdiscs of ours on any device of the lab. */
async function traces(): Promise<string[]> {
  const namespaces = [...lab.topology.places, "fabric"].map((place) => `chaoslab-${LAB}-${place}`);
  const found = namespaces.map(async (name) => (await exec(["tc", "-n", name, "qdisc", "show"])).stdout);
  const rules = ["iptables", "-w", "-t", "mangle", "-S"];
  const { stdout } = await exec(["ip", "netns", "exec", lab.topology.fabricNamespace, ...rules]);
  return [...(await Promise.all(found)), stdout]
    .flatMap((text) => text.split("\n"))
    .filter((line) => /chaoslab:|netem|tbf|htb|prio/.test(line));
}

async function expectClean(): Promise<void> {
  await waitFor(() => open().length === 0, { what: "the journal to be empty", timeoutMs: 15_000 });
  await waitFor(async () => (await traces()).length === 0, { what: "no trace", timeoutMs: 5_000 });
}

beforeAll(async () => {
  const up = await chaoslab(["up", "--lab", LAB, "--toxiproxy"]);
  if (up.code !== 0) throw new Error(up.stderr);
  const found = findLab(LAB);
  if (!found) throw new Error("the lab is not there");
  lab = found;
  server = await serve("--port", "0");
});
// A test that fails must not leave its fault to the next.
afterEach(async () => {
  await chaoslab(["revert", "--all", "--lab", LAB]);
});
afterAll(async () => {
  server.kill("SIGKILL");
  await chaoslab(["down", "--lab", LAB]);
  rmSync(home, { recursive: true, force: true });
});

test("1,000 bodies by chance, whole ones among them: no 5xx, and nothing stays half done", async () => {
  const random = seeded(20_261_126);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const junk = (): unknown =>
    pick<unknown>([null, true, -1, 0, 1e308, 0.5, "", "payments", "\u0000", [], {}, ["api"], { a: 1 }]);
  const counts: Record<number, number> = {};
  for (let i = 0; i < 1_000; i++) {
    const type = pick(FAULT_TYPES);
    const params: Record<string, unknown> = { ...EXAMPLES[type] };
    const body: Record<string, unknown> = { type, target: pick(lab.topology.places), params, duration_s: 1 };
    // One in sixteen is left whole, though perhaps for a target that cannot have it.
    for (let spoilt = Math.floor(random() * 16); spoilt > 0; spoilt -= 5) {
      const into = random() < 0.6 ? params : body;
      const keys = [...Object.keys(into), "peer", "direction", "then", "mode", "seed", "__proto__", "bogus"];
      into[pick(keys)] = junk();
    }
    const text = JSON.stringify(body);
    const { status, json } = await call(
      "POST",
      "/chaos/inject",
      random() < 0.05 ? text.slice(0, Math.floor(random() * text.length)) : text,
    );
    counts[status] = (counts[status] ?? 0) + 1;
    if (status >= 500 || status < 200) throw new Error(`${status} for ${text}: ${JSON.stringify(json())}`);
    if (status === 201 && random() < 0.5) {
      const { id } = json() as FaultEvent;
      const reverted = await call("POST", `/chaos/revert/${id}?wait_s=0`);
      expect(reverted.json()).toMatchObject({ id, gone: true });
    }
  }
  console.log(`1,000 bodies: ${JSON.stringify(counts)}`);
  expect(counts[201]).toBeGreaterThan(20);
  expect(counts[400]).toBeGreaterThan(500);
  await expectClean();
  await waitFor(async () => (await lab.nodes()).every(({ state }) => state === "ready"), {
    what: "every node to be ready",
    timeoutMs: 60_000,
  });
  const { past } = (await call("GET", "/chaos/faults")).json() as { past: FaultEvent[] };
  expect(past.filter(({ gone }) => gone !== true)).toEqual([]);
});

test("a fault that another process reverts is past from then on, and was seen to land", async () => {
  const id = await inject({ ...LATENCY, duration_s: 60 });
  // Its evidence: a round trip.
  await fetch(`${lab.topology.url("payments")}/healthz`, { keepalive: false });
  await call("GET", "/chaos/faults");
  const [reverted] = JSON.parse((await chaoslab(["revert", id, "--lab", LAB, "--json"])).stdout) as [
    { event: FaultEvent },
  ];
  const { t_stop } = reverted.event;
  await Bun.sleep(200);
  const metrics = (await call("GET", "/metrics")).text;
  expect(metrics).toMatch(new RegExp(`chaoslab_fault_active\\{id="${id}",.*\\} 0`));
  expect(metrics).toMatch(new RegExp(`chaoslab_fault_remains\\{id="${id}",.*\\} 0`));
  expect(metrics).toContain(`} ${(t_stop ?? 0) / 1_000}\n`);
  const { past } = (await call("GET", "/chaos/faults")).json() as { past: FaultEvent[] };
  expect(past.at(-1)).toMatchObject({ id, t_stop, gone: true, evidence: { landed: true } });
  expect((await call("POST", `/chaos/revert/${id}?wait_s=0`)).json()).toMatchObject({ id, t_stop });
});

test("one fault that cannot be reverted is named, keeps no other in place, and keeps a run from beginning", async () => {
  const event = { id: "f-00000000", fault_type: "stop", target: "redis", params: {}, backend: "x" } as const;
  const journal = new Journal(lab.paths.journal);
  const none = { t_stop: null, evidence: null, gone: null, remains: null };
  const id = await inject(LATENCY);
  journal.open({ ...event, t_start: Date.now(), ...none }, { kind: "from-the-future" }, null);
  const answer = await call("POST", "/chaos/revert");
  const run = await chaoslab([
    "run",
    "schedules/cascade.yaml",
    "--quick",
    "--lab",
    LAB,
    "--out",
    home,
    "--quiet",
  ]);
  const reverted = await chaoslab(["revert", "--all", "--lab", LAB]);
  journal.close(event.id, Date.now());
  expect([run.code, reverted.code]).toEqual([7, 7]);
  expect(oneLine(run)).toContain(`a fault is still in force: ${event.id} `);
  expect(reverted.stdout).toStartWith(`${event.id}: stop on redis NOT reverted: `);
  expect(answer.status).toBe(503);
  expect(answer.json()).toMatchObject({
    reverted: [{ id, gone: true }],
    failed: [{ id: event.id, error: expect.stringContaining("from-the-future") }],
  });
  await expectClean();
});

test("a revert that says more than it may reverts nothing", async () => {
  const id = await inject(LATENCY);
  for (const [path, body] of [
    ["/chaos/revert", { id }],
    ["/chaos/revert", [id]],
    [`/chaos/revert/${id}`, { wait_s: 0 }],
    [`/chaos/revert/${id}?wait=0`, undefined],
    [`/chaos/revert/${id}?wait_s=-1`, undefined],
    [`/chaos/revert/${id}?wait_s=soon`, undefined],
  ] as const) {
    const { status, text } = await call("POST", path, body);
    expect(`${path} ${status} ${text}`).toMatch(/ 400 \{"error":"/);
  }
  expect(open()).toMatchObject([{ id }]);
  expect((await call("POST", "/chaos/revert", {})).json()).toMatchObject({ reverted: [{ id, gone: true }] });
});

/** The status of a request with this Host, as a browser sends it from a page of that name. */
async function statusFor(host: string): Promise<number> {
  const { hostname, port } = new URL(base);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ host: hostname, port: Number(port) }, () =>
    socket.write(`GET /chaos/faults HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
  );
  socket.once("data", (data) => resolve(Number(data.toString().split(" ")[1])));
  socket.once("error", reject);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

test("a name of another site that was made to lead here is refused", async () => {
  const { port } = new URL(base);
  for (const name of ["127.0.0.1", "localhost", "[::1]"])
    expect(await statusFor(`${name}:${port}`)).toBe(200);
  for (const name of ["elsewhere.example", "127.0.0.1.elsewhere.example", "10.0.0.1"])
    expect(await statusFor(`${name}:${port}`)).toBe(403);
});

describe("addresses", () => {
  const socket = join(home, "controller.sock");

  test("a port that is taken is refused with 5, and leaves nothing", async () => {
    const before = helpers().length;
    const second = await chaoslab(["chaos", "--lab", LAB, "--port", new URL(base).port]);
    expect(second.code).toBe(5);
    expect(oneLine(second)).toContain("is already in use");
    expect(helpers()).toHaveLength(before);
  });

  test("a socket is its owner's alone, is not taken from a living controller, and is from a dead one", async () => {
    const first = await serve("--socket", socket);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const second = await chaoslab(["chaos", "--lab", LAB, "--socket", socket]);
    expect([second.code, oneLine(second)]).toEqual([5, `chaoslab: chaos: ${socket} is already in use`]);
    first.kill("SIGKILL");
    await first.exited;
    const third = await serve("--socket", socket);
    expect((await call("GET", "/healthz", undefined, socket)).json()).toEqual({ status: "ok", lab: LAB });
    third.kill("SIGTERM");
    expect(await third.exited).toBe(0);
    expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined();
    const file = join(home, "a-file");
    await Bun.write(file, "somebody's");
    expect((await chaoslab(["chaos", "--lab", LAB, "--socket", file])).code).toBe(5);
    expect(await Bun.file(file).text()).toBe("somebody's");
  });

  test("a revert over a socket may wait for the recovery for longer than connections idle", async () => {
    const here = await serve("--socket", socket);
    const load = start(["load", lab.apiUrl, "--mix", "shop", "--rate", "30", "--for", "40s", "--quiet"]);
    try {
      const over = (path: string, body?: unknown) => call("POST", path, body, socket);
      // The other one keeps the system from recovering.
      await over("/chaos/inject", { ...LATENCY, params: { delay_ms: 600 } });
      const { json } = await over("/chaos/inject", { type: "cpu", target: "redis", params: { cores: 0.9 } });
      await Bun.sleep(4_000);
      const began = performance.now();
      const { id } = json() as FaultEvent;
      expect((await over(`/chaos/revert/${id}?wait_s=13`)).json()).toMatchObject({ id, mttr_s: null });
      expect(performance.now() - began).toBeGreaterThan(12_900);
    } finally {
      load.kill("SIGKILL");
      here.kill("SIGTERM");
      expect(await here.exited).toBe(0);
    }
    await expectClean();
  });
});

describe("at once", () => {
  test("of two commands for the same packets by different faults one is refused", async () => {
    for (let round = 0; round < 3; round++) {
      const both = [["latency", "--delay-ms", "50"] as const, ["loss", "--loss-percent", "50"] as const];
      const ended = await Promise.all(
        both.map((fault) => chaoslab(["inject", ...fault, "--lab", LAB, "--target", "payments"])),
      );
      expect(ended.map(({ code }) => code).sort()).toEqual([0, 8]);
      expect(open()).toHaveLength(1);
      expect((await chaoslab(["revert", "--all", "--lab", LAB])).code).toBe(0);
    }
    await expectClean();
  });

  test("an end in the midst of many injections leaves none in force", async () => {
    const here = await serve("--port", "0");
    const bodies = ["latency", "cpu", "stop", "memory", "loss", "clock"].map((type, i) => {
      const target = ["payments", "catalog", "redis", "catalog", "orders-1", "orders-2"][i];
      return { type, target, params: EXAMPLES[type as "latency"] };
    });
    const answers = bodies.map((body) => call("POST", "/chaos/inject", body).catch(() => null));
    await waitFor(() => open().length > 0, { what: "the first injection", timeoutMs: 10_000, intervalMs: 1 });
    here.kill("SIGTERM");
    expect(await here.exited).toBe(0);
    expect(open()).toEqual([]);
    await Promise.all(answers);
    await expectClean();
    server.kill("SIGTERM");
    await server.exited;
    server = await serve("--port", "0");
  });
});

test("`inject` that is killed at any moment leaves no fault without an owner", async () => {
  for (let afterMs = 0; afterMs <= 600; afterMs += 60) {
    const child = start(["inject", "latency", "--lab", LAB, "--target", "payments", "--delay-ms", "20"]);
    await Bun.sleep(afterMs);
    child.kill("SIGKILL");
    await child.exited;
    // What is in force was answered for, and has its keeper; all else goes by itself.
    const settled = async (): Promise<boolean> =>
      open().every(({ active, owner }) => active && isAlive(owner)) &&
      (open().length > 0 || (await traces()).length === 0);
    await waitFor(settled, { what: "the fault to be kept or gone", timeoutMs: 10_000 });
    expect((await chaoslab(["revert", "--all", "--lab", LAB])).code).toBe(0);
    await waitFor(() => !helpers().some((argv) => argv.includes("internal keep")), {
      what: "the keeper to end",
      timeoutMs: 10_000,
    });
  }
  await expectClean();
});

test("reverting one fault twice at once is fine", async () => {
  const { stdout } = await chaoslab(["inject", "partition", "--lab", LAB, "--target", "catalog", "--json"]);
  const { id } = JSON.parse(stdout) as FaultEvent;
  const ended = await Promise.all([1, 2, 3].map(() => chaoslab(["revert", id, "--lab", LAB])));
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect((await chaoslab(["revert", id, "--lab", LAB])).stdout).toBe(
    `${id} is not active: nothing to revert\n`,
  );
  await expectClean();
});

test("a lab that is taken down under its controller: what it held is past, and more is refused", async () => {
  const id = await inject({ ...LATENCY, duration_s: 60 });
  expect((await chaoslab(["down", "--lab", LAB])).code).toBe(0);
  expect((await call("GET", "/chaos/faults")).json()).toMatchObject({ active: [] });
  const reverted = await call("POST", `/chaos/revert/${id}?wait_s=0`);
  expect([reverted.status, reverted.json()]).toMatchObject([200, { id, gone: true }]);
  for (const type of FAULT_TYPES) {
    const target = type === "disk" ? "pg-primary" : "payments";
    const refused = await call("POST", "/chaos/inject", { type, target, params: EXAMPLES[type] });
    expect(`${type} ${refused.status} ${refused.text}`).toMatch(/^\w+ (404|409) /);
  }
  expect((await call("POST", "/chaos/revert")).json()).toEqual({ reverted: [] });
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  await waitFor(() => helpers().length === 0, { what: "the helpers to end", timeoutMs: 10_000 });
});
