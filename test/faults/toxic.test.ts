/** Toxics on the links of a real lab: measured by a client of the proxy, gone after the revert, whoever dies meanwhile. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { RunDocument } from "../../src/experiment/store.ts";
import { type InjectOptions, inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { processesOf } from "../../src/faults/node/processes.ts";
import { remains } from "../../src/faults/registry.ts";
import { revertAll } from "../../src/faults/revert.ts";
import { toxicBody } from "../../src/faults/toxic.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { LINKS, linkProxies } from "../../src/lab/host/links.ts";
import { LabPaths } from "../../src/lab/host/record.ts";
import { type NodeName, PORTS, PROXY_NODE } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { ToxicParams } from "../../src/model/params.ts";
import type { ScheduleFile } from "../../src/model/schedule.ts";
import { connectTo } from "../../src/toxiproxy/client.ts";
import { chaoslab, oneLine, start } from "../support.ts";

setDefaultTimeout(120_000);
const LAB = "test-p";

// A state root of its own: other tests take all labs of theirs down.
const home = mkdtempSync(join(tmpdir(), "cltest-p-"));
chmodSync(home, 0o755);
process.env.CHAOSLAB_HOME = home;

let lab: HostLab;
const children: Bun.Subprocess[] = [];

async function boot(name: string, ...flags: string[]): Promise<HostLab> {
  const { code, stderr } = await chaoslab(["up", "--lab", name, ...flags]);
  if (code !== 0) throw new Error(stderr);
  const found = findLab(name);
  if (!found) throw new Error(`no lab ${name}`);
  return found;
}

beforeAll(async () => {
  lab = await boot(LAB, "--toxiproxy");
});
// A test that fails must not leave its fault to the next.
afterEach(async () => {
  for (const { error } of await revertAll(lab.paths.journal)) expect(error).toBeNull();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  const { code } = await chaoslab(["down", "--all"]);
  rmSync(home, { recursive: true, force: true });
  expect(code).toBe(0);
  expect((await exec(["ip", "netns", "list"])).stdout).not.toContain(`chaoslab-${LAB}-`);
});

const given = (target: NodeName, params: ToxicParams): InjectOptions => ({
  journal: lab.paths.journal,
  fault: { type: "toxic", target, params },
  ...lab.targetsOf({ type: "toxic", target, params }),
});

const clientOf = (of: HostLab) => {
  const server = of.target("payments").links?.server;
  if (!server) throw new Error(`${of.name} has no proxies`);
  return connectTo(server.url, server.tokenFile);
};

/** Toxics of every proxy of the lab, by the server. */
async function toxics(of = lab): Promise<string[]> {
  const { api, host } = clientOf(of);
  const { data } = await api.get<Record<string, { toxics: { name: string }[] }>>(`${host}/proxies`);
  return Object.entries(data).flatMap(([proxy, each]) => each.toxics.map(({ name }) => `${proxy} ${name}`));
}

function proxyAddress(caller: NodeName, callee: NodeName): { host: string; port: number } {
  const found = linkProxies(lab.topology, lab.record.toxiproxy).find(
    ({ link }) => link.caller === caller && link.callee === callee,
  );
  const [host = "", port] = found?.listen.split(":") ?? [];
  return { host, port: Number(port) };
}

interface Talk {
  /** How it ended: `quiet` when neither side had closed by the time limit. */
  end: "closed" | "reset" | "answered" | "quiet";
  bytes: number;
  /** Times at which something was received. */
  pieces: number;
  /** To the first byte, and to the end, from the connect. */
  firstMs: number;
  ms: number;
}

/** Sends `text` to an address and receives until `bytes` have come, the connection ends, or 5 s have passed. */
function talk(
  at: { host: string; port: number },
  text: string,
  bytes = Number.POSITIVE_INFINITY,
): Promise<Talk> {
  const { promise, resolve: done } = Promise.withResolvers<Talk>();
  const began = performance.now();
  const seen = { bytes: 0, pieces: 0, firstMs: Number.NaN };
  const socket = connect({ ...at, noDelay: true }, () => socket.write(text));
  const end = (how: Talk["end"]): void => {
    done({ ...seen, end: how, ms: performance.now() - began });
    socket.destroy();
  };
  socket.setTimeout(5_000, () => end("quiet"));
  socket.on("data", (data) => {
    if (seen.pieces++ === 0) seen.firstMs = performance.now() - began;
    seen.bytes += data.length;
    if (seen.bytes >= bytes) end("answered");
  });
  socket.on("end", () => end("closed"));
  socket.on("close", () => end("closed"));
  socket.on("error", () => end("reset"));
  return promise;
}

const VALUE = 200_000;
/** Bytes of the answer to its GET: `$200000\r\n...\r\n`. */
const ANSWER = `$${VALUE}\r\n`.length + VALUE + 2;
const viaCatalog = (text: string, bytes?: number) => talk(proxyAddress("catalog", "redis"), text, bytes);
const getValue = () => viaCatalog("GET toxic-test\r\n", ANSWER);
const ping = () => viaCatalog("PING\r\n", "+PONG\r\n".length);

async function charge(caller: "orders-1" | "orders-2"): Promise<number> {
  const { host, port } = proxyAddress(caller, "payments");
  const began = performance.now();
  await (await fetch(`http://${host}:${port}/ledger`, { keepalive: false })).text();
  return performance.now() - began;
}

async function tokenFor(of: HostLab): Promise<string> {
  const answer = await fetch(`${of.apiUrl}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ tenant: "tenant-01" }),
  });
  return ((await answer.json()) as { token: string }).token;
}

/** Median milliseconds of a few checkouts by way of the api; every one must succeed. */
async function checkoutMs(of = lab, count = 5): Promise<number> {
  const authorization = `Bearer ${await tokenFor(of)}`;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const answer = await fetch(`${of.apiUrl}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body: JSON.stringify({ product_id: "p-0001", quantity: 1 }),
      signal: AbortSignal.timeout(10_000),
    });
    expect(answer.status).toBe(201);
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}

describe("each toxic does what it is called, and no more once it is reverted:", () => {
  beforeAll(async () => {
    const direct = { host: lab.topology.address("redis"), port: PORTS.redis };
    await talk(direct, `SETRANGE toxic-test ${VALUE - 1} x\r\n`, `:${VALUE}\r\n`.length);
  });

  /** Injects on the one link from catalog to redis; evidence must say that it landed. */
  async function onRedis(params: ToxicParams, during: () => Promise<void>): Promise<void> {
    const active = await inject(given("redis", { peer: "catalog", ...params }));
    expect(await toxics()).toEqual([
      expect.stringContaining(`catalog-to-redis chaoslab-${active.event.id}-`),
    ]);
    await during();
    const { evidence, gone } = await active.revert();
    expect(evidence).toMatchObject({ landed: true, measures: { proxies: 1 } });
    expect([gone, await toxics()]).toEqual([true, []]);
    expect((await ping()).firstMs).toBeLessThan(150);
    expect(await getValue()).toMatchObject({ end: "answered", bytes: ANSWER });
  }

  test("latency, felt at the api", async () => {
    const calm = await checkoutMs();
    const active = await inject(given("payments", { toxic: "latency", latency_ms: 300 }));
    const slow = await checkoutMs();
    const { evidence } = await active.revert();
    expect(slow - calm).toBeGreaterThan(200);
    expect(slow - calm).toBeLessThan(700);
    expect(evidence).toMatchObject({ landed: true, measures: { proxies: 2 } });
    expect(evidence?.measures.bytes).toBeGreaterThan(100);
    expect((await checkoutMs()) - calm).toBeLessThan(150);
    expect(await toxics()).toEqual([]);
  });

  test("bandwidth", () =>
    onRedis({ toxic: "bandwidth", rate_kb_per_s: 200 }, async () => {
      const { ms, end } = await getValue();
      expect(end).toBe("answered");
      expect(ms).toBeGreaterThan(800);
      expect(ms).toBeLessThan(2_500);
    }));

  test("slow_close", () =>
    onRedis({ toxic: "slow_close", delay_ms: 500 }, async () => {
      const { firstMs, ms, end } = await viaCatalog("QUIT\r\n");
      expect(end).toBe("closed");
      expect(firstMs).toBeLessThan(200);
      expect(ms - firstMs).toBeGreaterThan(400);
      expect(ms - firstMs).toBeLessThan(1_500);
    }));

  test("timeout", () =>
    onRedis({ toxic: "timeout", timeout_ms: 400 }, async () => {
      const { bytes, ms, end } = await ping();
      expect({ bytes, end }).toEqual({ bytes: 0, end: "closed" });
      expect(ms).toBeGreaterThan(300);
      expect(ms).toBeLessThan(1_500);
    }));

  test("reset_peer", () =>
    onRedis({ toxic: "reset_peer", timeout_ms: 0 }, async () => {
      expect(await ping()).toMatchObject({ bytes: 0, end: "reset" });
    }));

  test("slicer", () =>
    onRedis({ toxic: "slicer", average_size_bytes: 10_000, delay_us: 20_000 }, async () => {
      const { pieces, ms, end } = await getValue();
      expect(end).toBe("answered");
      // Twenty slices, 20 ms apart.
      expect(pieces).toBeGreaterThan(15);
      expect(ms).toBeGreaterThan(300);
    }));

  test("limit_data", () =>
    onRedis({ toxic: "limit_data", limit_bytes: 1_000 }, async () => {
      expect(await getValue()).toMatchObject({ bytes: 1_000, end: "closed" });
    }));
});

test("is said to be gone only when it is", async () => {
  const params = { toxic: "latency", latency_ms: 5 } as const;
  const active = await inject(given("payments", params));
  const [{ undo = { kind: "" }, id = "" } = {}] = openFaults(lab.paths.journal);
  const name = toxicBody(id, params).name ?? "";
  const left = (...callers: string[]) =>
    callers.map((each) => `toxic ${name} on ${each}-to-payments`).join(", ");
  expect(await remains(undo)).toBe(left("orders-1", "orders-2"));
  expect(await active.revert()).toMatchObject({ gone: true, remains: null });
  const proxy = await clientOf(lab).get("orders-2-to-payments");
  const again = await proxy.addToxic(toxicBody(id, params));
  expect(await remains(undo)).toBe(left("orders-2"));
  await again.remove();
  expect(await remains(undo)).toBeNull();
});

test("of several callers only the peer is hit", async () => {
  const active = await inject(given("payments", { toxic: "latency", latency_ms: 300, peer: "orders-1" }));
  expect(await charge("orders-1")).toBeGreaterThan(280);
  expect(await charge("orders-2")).toBeLessThan(200);
  await active.revert();
  expect(await charge("orders-1")).toBeLessThan(200);
});

test("toxics of two kinds share a link, one of the same kind is refused, and others' are left alone", async () => {
  const proxy = await clientOf(lab).get("orders-1-to-payments");
  const foreign = await proxy.addToxic({
    name: "theirs",
    type: "latency",
    stream: "downstream",
    toxicity: 1,
    attributes: { latency: 1, jitter: 0 },
  });
  try {
    const slow = await inject(given("payments", { toxic: "latency", latency_ms: 100 }));
    const thin = await inject(given("payments", { toxic: "bandwidth", rate_kb_per_s: 1_000 }));
    const again = inject(given("payments", { toxic: "latency", latency_ms: 5, peer: "orders-1" }));
    await expect(again).rejects.toMatchObject({ kind: "busy" });
    expect(await toxics()).toHaveLength(5);
    await thin.revert();
    expect(await toxics()).toHaveLength(3);
    await slow.revert();
    expect(await toxics()).toEqual(["orders-1-to-payments theirs"]);
  } finally {
    await foreign.remove();
  }
});

describe("a fault ends", () => {
  const killProxies = (): void => {
    const group = lab.target(PROXY_NODE).cgroup;
    if (!group) throw new Error("no group");
    const pids = processesOf({ version: group.version, dirs: [...group.dirs] }).map(({ pid }) => pid);
    expect(pids).not.toEqual([]);
    for (const pid of pids) process.kill(pid, "SIGKILL");
  };
  const restarts = async () => {
    const status = (await lab.nodes()).find(({ name }) => name === PROXY_NODE);
    return status?.state === "ready" ? status.restarts : null;
  };
  const backAfter = (before: number) =>
    waitFor(async () => ((await restarts()) ?? before) > before, { what: "toxiproxy", timeoutMs: 30_000 });

  test("when its server was killed and has come back with its proxies and without toxics", async () => {
    const before = (await restarts()) ?? 0;
    const active = await inject(given("payments", { toxic: "latency", latency_ms: 300 }));
    killProxies();
    await backAfter(before);
    expect(await toxics()).toEqual([]);
    const { evidence, t_stop, gone } = await active.revert();
    expect([t_stop, gone]).toEqual([expect.any(Number), true]);
    expect(evidence).toMatchObject({ landed: false, measures: { proxies: 0 } });
    await waitFor(async () => (await checkoutMs(lab, 1)) > 0, { what: "a checkout", timeoutMs: 20_000 });
  });

  test("while its server is dead", async () => {
    const before = (await restarts()) ?? 0;
    await inject(given("payments", { toxic: "latency", latency_ms: 300 }));
    killProxies();
    expect(await revertAll(lab.paths.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
    await backAfter(before);
    expect(await toxics()).toEqual([]);
  });

  test("when its owner was killed", async () => {
    const options = given("catalog", { toxic: "timeout", timeout_ms: 0 });
    const script = resolve(import.meta.dir, "owner.ts");
    const owner = Bun.spawn([process.execPath, script, JSON.stringify(options)], {
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(owner);
    const { value } = await owner.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toContain('"id":"f-');
    owner.kill("SIGKILL");
    await owner.exited;
    expect(await toxics()).toHaveLength(3);
    expect(await revertAll(lab.paths.journal)).toMatchObject([{ error: null, event: { gone: true } }]);
    expect(await toxics()).toEqual([]);
    expect(await revertAll(lab.paths.journal)).toEqual([]);
  });

  test("when the process that keeps it was killed: its guard reverts", async () => {
    const argv = ["inject", "toxic", "--lab", LAB, "--target", "redis"];
    expect((await chaoslab([...argv, "--toxic", "slow_close", "--delay-ms", "100"])).code).toBe(0);
    expect(await toxics()).toHaveLength(LINKS.filter(({ callee }) => callee === "redis").length);
    const [fault] = openFaults(lab.paths.journal);
    process.kill(fault?.owner.pid ?? 0, "SIGKILL");
    await waitFor(() => openFaults(lab.paths.journal).length === 0, { what: "the guard", timeoutMs: 10_000 });
    expect(await toxics()).toEqual([]);
  });
});

test("its journal does not hold the server's token", async () => {
  await using _active = await inject(given("payments", { toxic: "latency", latency_ms: 1 }));
  const token = readFileSync(lab.paths.toxiproxyToken, "utf8").trim();
  expect(token.length).toBeGreaterThan(40);
  expect(readFileSync(lab.paths.journal, "utf8")).not.toContain(token);
  const anybody = await fetch(`${lab.topology.url(PROXY_NODE)}/proxies`);
  expect(anybody.status).toBe(401);
});

function schedule(changes: { target?: string } = {}): string {
  const file = join(home, "toxic.yaml");
  const document: ScheduleFile = {
    name: "tiny",
    seed: 3,
    load: { rate: 40, reads: 0.5, tenants: 20, timeout_s: 2 },
    profiles: { full: { warmup_s: 2, baseline_s: 5, recovery_s: 10 } },
    slos: { read_availability: { steady: ">= 90 %", fault: ">= 90 %" } },
    hypotheses: [
      {
        name: "payments-toxic",
        sli: "write_p99",
        steady_state: "< 1500 ms",
        slo_threshold: "< 1900 ms",
        fault: {
          type: "toxic",
          target: "payments",
          params: { toxic: "latency", latency_ms: 200 },
          ...changes,
        },
        window_s: 5,
      },
    ],
  };
  writeFileSync(file, stringify(document));
  return file;
}

test("a schedule with a toxic boots a lab with proxies, and reaches a verdict", async () => {
  const { code, stdout, stderr } = await chaoslab([
    "run",
    schedule(),
    "--lab",
    "test-r",
    "--out",
    home,
    "--json",
  ]);
  expect(stderr).toContain("toxiproxy");
  expect(code).toBe(0);
  const [verdict] = (JSON.parse(stdout) as RunDocument).verdicts;
  expect(verdict?.fault_event).toMatchObject({ backend: "toxiproxy", evidence: { landed: true } });
  expect(verdict?.result).not.toBe("inconclusive");
  expect(findLab("test-r")).toBeNull();
});

test("a lab without proxies says so, to inject and to run", async () => {
  const plain = await boot("test-w");
  try {
    expect(plain.target("payments").links).toBeNull();
    const argv = ["inject", "toxic", "--lab", "test-w", "--target", "payments"];
    for (const refused of [
      await chaoslab([...argv, "--toxic", "latency", "--latency-ms", "5"]),
      await chaoslab(["run", schedule(), "--lab", "test-w", "--out", home, "--json", "--quiet"]),
    ]) {
      expect(refused.code).toBe(104);
      expect(oneLine(refused)).toContain("lab test-w has no proxies (chaoslab up --toxiproxy");
    }
  } finally {
    await chaoslab(["down", "--lab", "test-w"]);
  }
});

test("a server that does not answer, and a link that is not there, are refused before anything is made", async () => {
  const up = await chaoslab(["up", "--lab", "test-w", "--toxiproxy=http://127.0.0.1:1", "--quiet"]);
  expect(up.code).toBe(7);
  expect(oneLine(up)).toContain("http://127.0.0.1:1/version: nothing listens there");
  expect(findLab("test-w")).toBeNull();
  const file = schedule({ target: "api" });
  const run = await chaoslab(["run", file, "--lab", "test-w", "--out", home, "--quiet"]);
  expect(run.code).toBe(104);
  expect(oneLine(run)).toContain("no service of the lab calls api");
});

describe("on a server that was there before", () => {
  const token = "a-token-of-somebody";
  let server: ReturnType<typeof start>;
  let url: string;
  let other: HostLab;
  const names = async (): Promise<string[]> => {
    const answer = await fetch(`${url}/proxies`, { headers: { authorization: `Bearer ${token}` } });
    return Object.keys((await answer.json()) as object);
  };

  beforeAll(async () => {
    server = start(["toxiproxy", "--port", "0"], { env: { CHAOSLAB_TOKEN: token } });
    const { value } = await server.stdout.getReader().read();
    url = /listening on (\S+),/.exec(new TextDecoder().decode(value))?.[1] ?? "";
    process.env.CHAOSLAB_TOXIPROXY_TOKEN = token;
    other = await boot("test-u", `--toxiproxy=${url}`);
    await clientOf(other).createProxy({ name: "theirs", listen: "127.0.0.1:0", upstream: "127.0.0.1:1" });
  });
  afterAll(async () => {
    delete process.env.CHAOSLAB_TOXIPROXY_TOKEN;
    server.kill("SIGKILL");
    await server.exited;
  });

  test("the lab's proxies are made there, serve checkouts and take toxics", async () => {
    const all = await names();
    // And the one that was there before.
    expect(all).toHaveLength(LINKS.length + 1);
    expect(all).toContain("chaoslab-test-u-orders-1-to-payments");
    expect(other.topology.nodes).not.toContain(PROXY_NODE);
    const calm = await checkoutMs(other);
    const argv = ["inject", "toxic", "--lab", "test-u", "--target", "payments", "--toxic", "latency"];
    expect((await chaoslab([...argv, "--latency-ms", "300"])).code).toBe(0);
    expect((await checkoutMs(other)) - calm).toBeGreaterThan(200);
    expect((await chaoslab(["revert", "--all", "--lab", "test-u"])).code).toBe(0);
    expect(await toxics(other)).toEqual([]);
  });

  test("a lab that the server refuses is gone at once; one that it refuses later is taken down, but for its proxies", async () => {
    const env = { CHAOSLAB_TOXIPROXY_TOKEN: "a-wrong-one" };
    const up = await chaoslab(["up", "--lab", "test-v", `--toxiproxy=${url}`, "--quiet"], { env });
    expect(up.code).toBe(7);
    expect(oneLine(up)).toContain(": 401 ");
    expect(findLab("test-v")).toBeNull();
    await boot("test-v", `--toxiproxy=${url}`);
    const down = await chaoslab(["down", "--lab", "test-v", "--quiet"], { env });
    expect(down.code).toBe(7);
    expect(oneLine(down)).toContain(
      `lab test-v is removed, but its proxies (chaoslab-test-v-...) may still be on ${url}`,
    );
    expect(findLab("test-v")).toBeNull();
    expect(await names()).toContain("chaoslab-test-v-orders-1-to-payments");
    expect((await chaoslab(["down", "--lab", "test-v"])).code).toBe(0);
    await boot("test-v", `--toxiproxy=${url}`);
    expect((await chaoslab(["down", "--lab", "test-v"])).code).toBe(0);
    expect(await names()).not.toContain("chaoslab-test-v-orders-1-to-payments");
  });

  test("status names the server", async () => {
    const { stdout } = await chaoslab(["status", "--lab", "test-u", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([{ toxiproxy: { url, proxies: LINKS.length } }]);
  });

  test("down removes the lab's proxies and nothing else, its fault included", async () => {
    const argv = ["inject", "toxic", "--lab", "test-u", "--target", "redis", "--toxic", "reset_peer"];
    expect((await chaoslab([...argv, "--timeout-ms", "0"])).code).toBe(0);
    expect((await chaoslab(["down", "--lab", "test-u"])).code).toBe(0);
    expect(await names()).toEqual(["theirs"]);
  });

  test("with the server gone, a revert says that it could not, and down takes the lab down all the same", async () => {
    const lost = await boot("test-u", `--toxiproxy=${url}`);
    const argv = ["inject", "toxic", "--lab", "test-u", "--target", "redis", "--toxic", "reset_peer"];
    expect((await chaoslab([...argv, "--timeout-ms", "0"])).code).toBe(0);
    server.kill("SIGKILL");
    await server.exited;
    const [reverted] = await revertAll(lost.paths.journal);
    expect(reverted?.error).toContain("nothing listens there");
    expect((await chaoslab(["down", "--lab", "test-u"])).code).toBe(0);
    expect((await exec(["ip", "netns", "list"])).stdout).not.toContain("chaoslab-test-u-");
    expect(() => readFileSync(new LabPaths("test-u").record)).toThrow();
  });
});
