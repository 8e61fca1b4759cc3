/** The controller over HTTP, against a real lab; and `inject`, `faults`, `revert` on the command line. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFaults } from "../../src/faults/journal.ts";
import { exec } from "../../src/lab/exec.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { PORTS } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultEvent } from "../../src/model/fault.ts";
import { chaoslab, connectMs, hostPicture, oneLine, processes, start } from "../support.ts";

setDefaultTimeout(90_000);

const before = await hostPicture();
const scratch = mkdtempSync(join(tmpdir(), "chaoslab-controller-"));
let lab: HostLab;
let base = "";
let server: ReturnType<typeof start>;

const LATENCY = { type: "latency", target: "payments", params: { delay_ms: 100 } };

async function serve(...more: string[]): Promise<void> {
  server = start(["chaos", "--lab", "test-k", "--port", "0", "--results", scratch, ...more]);
  const { value } = await server.stderr.getReader().read();
  base = /at (http:\S+)/.exec(new TextDecoder().decode(value))?.[1]?.replace(/,$/, "") ?? "";
  expect(base).toStartWith("http://127.0.0.1:");
}

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(base + path, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(40_000),
  });
  const text = await answer.text();
  return { status: answer.status, text, json: (): unknown => JSON.parse(text) };
}

/** One round trip with payments, in milliseconds. */
const roundTrip = (): Promise<number> => connectMs(lab.topology.address("payments"), PORTS.payments);

async function fabricRules(): Promise<string> {
  const netns = lab.topology.fabricNamespace;
  return (await exec(["ip", "netns", "exec", netns, "iptables", "-t", "mangle", "-S"])).stdout;
}

const open = () => openFaults(lab.paths.journal);
const helpers = (): string[] => processes().filter((argv) => / internal (guard|nfqueue|keep)\b/.test(argv));

async function expectClean(withinMs = 10_000): Promise<void> {
  await waitFor(() => open().length === 0, { what: "the journal to be empty", timeoutMs: withinMs });
  await waitFor(async () => (await roundTrip()) < 50, { what: "full speed", timeoutMs: 5_000 });
  expect(await fabricRules()).not.toContain("chaoslab:");
}

beforeAll(async () => {
  expect((await chaoslab(["up", "--lab", "test-k"])).code).toBe(0);
  const found = findLab("test-k");
  if (!found) throw new Error("the lab is not there");
  lab = found;
  await serve();
});

afterAll(async () => {
  server.kill("SIGKILL");
  await chaoslab(["down", "--all"]);
  rmSync(scratch, { recursive: true, force: true });
});

describe("the controller", () => {
  test("injects, lists, shows in its metrics, and reverts a fault that is really there", async () => {
    const injected = await call("POST", "/chaos/inject", { ...LATENCY, duration_s: 60 });
    expect(injected.status).toBe(201);
    const { id, t_start, backend } = injected.json() as FaultEvent;
    expect(Math.abs(t_start - Date.now())).toBeLessThan(10_000);
    expect(backend).toBeOneOf(["netem", "nfqueue"]);
    expect(await roundTrip()).toBeGreaterThan(99);

    const { active } = (await call("GET", "/chaos/faults")).json() as { active: FaultEvent[] };
    expect(active).toMatchObject([{ id, t_stop: null, evidence: { landed: true } }]);
    const metrics = (await call("GET", "/metrics")).text;
    expect(metrics).toMatch(new RegExp(`chaoslab_fault_active\\{id="${id}",.*\\} 1`));
    expect(metrics).toContain("chaoslab_fault_start_timestamp_seconds{");

    const reverted = await call("POST", `/chaos/revert/${id}?wait_s=0`);
    expect(reverted.status).toBe(200);
    // No load runs: nothing can be said about the recovery.
    expect(reverted.json()).toMatchObject({
      id,
      t_stop: expect.any(Number),
      mttr_s: null,
      evidence: { landed: true },
      gone: true,
      remains: null,
    });
    expect((await call("POST", `/chaos/revert/${id}?wait_s=0`)).json()).toMatchObject({ id });
    expect((await call("GET", "/metrics")).text).toMatch(
      new RegExp(`chaoslab_fault_active\\{id="${id}",.*\\} 0`),
    );
    await expectClean();
  });

  test("tells the observed MTTR while a load runs", async () => {
    const load = start(["load", lab.apiUrl, "--mix", "shop", "--rate", "60", "--for", "25s", "--quiet"]);
    await Bun.sleep(4_000);
    const fault = { ...LATENCY, params: { delay_ms: 600 } };
    const { id } = (await call("POST", "/chaos/inject", fault)).json() as FaultEvent;
    await Bun.sleep(4_000);
    const { mttr_s } = (await call("POST", `/chaos/revert/${id}?wait_s=15`)).json() as {
      mttr_s: number | null;
    };
    load.kill("SIGKILL");
    expect(mttr_s).not.toBeNull();
    expect(mttr_s ?? 99).toBeLessThan(15);
  });

  test("reverts by itself when the lease ends", async () => {
    await call("POST", "/chaos/inject", { ...LATENCY, duration_s: 1 });
    expect(await roundTrip()).toBeGreaterThan(99);
    await expectClean(5_000);
  });

  test("refuses what it cannot do, names what it accepts, and changes nothing", async () => {
    const refused = async (body: unknown, status: number, says: Record<string, unknown>): Promise<void> => {
      const answer = await call("POST", "/chaos/inject", body);
      expect(answer.status).toBe(status);
      expect(answer.json()).toMatchObject(says);
    };
    await refused({ ...LATENCY, type: "latencyy" }, 400, {
      field: "type",
      accepted: expect.arrayContaining(["latency"]),
    });
    await refused({ ...LATENCY, target: "host" }, 400, {
      field: "target",
      accepted: expect.arrayContaining(["payments"]),
    });
    await refused({ ...LATENCY, tarjet: "x" }, 400, {
      field: "tarjet",
      accepted: expect.arrayContaining(["target"]),
    });
    await refused({ ...LATENCY, params: { delay: 5 } }, 400, {});
    await refused({ ...LATENCY, params: { delay_ms: 10, jitter_ms: 20 } }, 400, {
      field: "params.jitter_ms",
    });
    await refused({ ...LATENCY, params: { delay_ms: 10, peer: "nobody" } }, 400, { field: "params.peer" });
    for (const then of [["nobody"], ["orders-2", "orders-2"], ["orders-1"], "orders-2"]) {
      const roll = { type: "restart", target: "orders-1", params: { drain: true, then } };
      await refused(roll, 400, { field: "params.then" });
    }
    await refused({ ...LATENCY, duration_s: 1e9 }, 400, { field: "duration_s" });
    await refused({ type: "partition", target: "redis", params: { direction: "up" } }, 400, {
      field: "params.direction",
      accepted: ["both", "egress", "ingress"],
    });
    await refused("{bad", 400, { error: "the body is not valid JSON" });
    expect((await call("POST", "/chaos/revert/f-none")).status).toBe(404);
    expect((await call("GET", "/nowhere")).status).toBe(404);
    expect(open()).toEqual([]);
  });

  test("refuses pages of other sites and bodies beyond any size", async () => {
    expect(
      (await call("POST", "/chaos/inject", LATENCY, { origin: "http://elsewhere.example" })).status,
    ).toBe(403);
    expect((await call("POST", "/chaos/inject", LATENCY, { "content-type": "text/plain" })).status).toBe(415);
    expect((await call("POST", "/chaos/inject", " ".repeat(200_000))).status).toBe(413);
    expect(open()).toEqual([]);
  });

  test("of many injections at once on one target one is made and the others are refused", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call("POST", "/chaos/inject", LATENCY)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
    expect(open()).toHaveLength(1);
    expect((await call("POST", "/chaos/revert")).json()).toMatchObject({
      reverted: [{ target: "payments" }],
    });
    await expectClean();
  });

  test("describes itself, and the experiments", async () => {
    const document = (await call("GET", "/openapi/json")).text;
    for (const part of ["/chaos/inject", "/chaos/revert/{id}", "duration_s"])
      expect(document).toContain(part);
    const { experiments } = (await call("GET", "/chaos/experiments")).json() as {
      experiments: { file: string }[];
    };
    expect(experiments.map((each) => each.file)).toContain("schedules/cascade.yaml");
  });

  test("lives through 2,000 random bodies without a 5xx and without an effect", async () => {
    let state = 20_261_123;
    // A linear congruential generator (Numerical Recipes): the same bodies in every run.
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const value = (depth = 0): unknown =>
      pick<() => unknown>([
        () => null,
        () => random() < 0.5,
        () => (random() - 0.5) * 10 ** (random() * 30),
        () => pick(["", "payments", "latency", "../../etc", "\u0000", "x".repeat(5_000), "__proto__", "f-1"]),
        () => (depth > 3 ? 0 : Array.from({ length: 3 }, () => value(depth + 1))),
        () => (depth > 3 ? 0 : { [pick(["delay_ms", "peer", "a", "constructor"])]: value(depth + 1) }),
      ])();
    for (let i = 0; i < 2_000; i++) {
      // Never whole: a body that would be accepted has no place in this test.
      const body: Record<string, unknown> = { ...LATENCY, params: { delay_ms: -1 } };
      for (let j = 0; j < 3; j++)
        body[pick(["type", "params", "duration_s", "extra", "__proto__"])] = value();
      if (Bun.deepEquals(body.params, LATENCY.params)) continue;
      let text = JSON.stringify(body);
      if (random() < 0.3) text = text.slice(0, Math.floor(random() * text.length));
      const { status } = await call(
        "POST",
        pick(["/chaos/inject", "/chaos/inject", "/chaos/revert/x"]),
        text,
      );
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
    expect(open()).toEqual([]);
    expect((await call("GET", "/healthz")).status).toBe(200);
  });
});

describe("the command line", () => {
  test("injects, lists and reverts; a second revert is fine", async () => {
    const args = [
      "inject",
      "latency",
      "--lab",
      "test-k",
      "--target",
      "payments",
      "--delay-ms",
      "100",
      "--json",
    ];
    const injected = await chaoslab(args);
    expect(injected.code).toBe(0);
    const { id } = JSON.parse(injected.stdout) as FaultEvent;
    expect(await roundTrip()).toBeGreaterThan(99);
    expect((await chaoslab(["faults", "--lab", "test-k"])).stdout).toContain(id);
    const again = await chaoslab(args);
    expect(again.code).toBe(8);
    expect(oneLine(again)).toContain("payments");
    expect((await chaoslab(["revert", id])).stdout).toContain(`${id}: latency on payments reverted`);
    await expectClean();
    const twice = await chaoslab(["revert", id]);
    expect([twice.code, twice.stdout]).toEqual([0, `${id} is not active: nothing to revert\n`]);
  });

  test.each([
    [["latency", "--target", "payments"], 2, "--delay-ms: is missing"],
    [
      ["latency", "--target", "payments", "--delay-ms", "5", "--bogus", "1"],
      2,
      "params of latency: --delay-ms",
    ],
    [["nonsense", "--target", "payments"], 2, "faults: latency"],
    [["partition", "--target", "redis", "--direction", "up"], 2, '"up" is none of both, egress, ingress'],
    [["latency", "--delay-ms", "5"], 2, "--target"],
    [["latency", "--lab", "test-k", "--target", "nobody", "--delay-ms", "5"], 6, "nodes: api"],
    [["latency", "--lab", "no-lab", "--target", "payments", "--delay-ms", "5"], 6, "no lab no-lab"],
  ] as const)("inject %j is refused with %i", async (args, code, says) => {
    const finished = await chaoslab(["inject", ...args]);
    expect(oneLine(finished)).toContain(says);
    expect(finished.code).toBe(code);
  });
});

test("revert and faults tell a wrong word from nothing to do", async () => {
  const word = await chaoslab(["revert", "payments"]);
  expect([word.code, oneLine(word)]).toEqual([2, expect.stringContaining("is no fault's id")]);
  const none = await chaoslab(["revert", "--all", "--lab", "no-lab"]);
  expect([none.code, none.stdout]).toEqual([0, "no lab no-lab on this host: nothing to revert\n"]);
  const listed = await chaoslab(["faults", "--lab", "no-lab"]);
  expect([listed.code, oneLine(listed)]).toEqual([6, expect.stringContaining("no lab no-lab")]);
});

describe("a fault never outlives its owner:", () => {
  test("SIGTERM of the controller reverts", async () => {
    await call("POST", "/chaos/inject", LATENCY);
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(open()).toEqual([]);
    await expectClean();
    await serve();
  });

  test("SIGKILL of the controller: its guard reverts within a second or so", async () => {
    await call("POST", "/chaos/inject", LATENCY);
    const killed = performance.now();
    server.kill("SIGKILL");
    await waitFor(() => open().length === 0, { what: "the guard to revert", timeoutMs: 10_000 });
    // The promise is one second; a busy machine may take a little more.
    expect(performance.now() - killed).toBeLessThan(3_000);
    await expectClean();
    await serve();
  });

  test("SIGKILL of the keeper of `inject`: its guard reverts", async () => {
    await chaoslab(["inject", "latency", "--lab", "test-k", "--target", "payments", "--delay-ms", "100"]);
    process.kill(open()[0]?.owner.pid ?? -1, "SIGKILL");
    await expectClean();
  });

  test("SIGKILL of owner and guard at once: `revert --all` reverts, from the journal and the kernel", async () => {
    await chaoslab(["inject", "latency", "--lab", "test-k", "--target", "payments", "--delay-ms", "100"]);
    const guards = await exec(["pgrep", "-f", "internal guard .*test-k"]);
    for (const pid of guards.stdout.split("\n").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
    process.kill(open()[0]?.owner.pid ?? -1, "SIGKILL");
    await Bun.sleep(1_500);
    expect(open()).toHaveLength(1);
    expect((await chaoslab(["revert", "--all"])).stdout).toContain("reverted");
    await expectClean();
    expect((await chaoslab(["revert", "--all"])).stdout).toBe("no active fault\n");
    server.kill("SIGTERM");
    await server.exited;
    await serve();
  });

  test("an owner that hangs past the lease: its guard reverts", async () => {
    await chaoslab([
      "inject",
      "latency",
      "--lab",
      "test-k",
      "--target",
      "payments",
      "--delay-ms",
      "100",
      "--for",
      "2s",
    ]);
    const owner = open()[0]?.owner.pid ?? -1;
    process.kill(owner, "SIGSTOP");
    try {
      await waitFor(() => open().length === 0, { what: "the guard to revert", timeoutMs: 15_000 });
    } finally {
      process.kill(owner, "SIGCONT");
    }
    await expectClean();
  });
});

test("off loopback a token is needed, and then checked", async () => {
  const refused = await chaoslab(["chaos", "--lab", "test-k", "--host", "0.0.0.0"]);
  expect(refused.code).toBe(2);
  expect(oneLine(refused)).toContain("a token is needed");
  server.kill("SIGTERM");
  await server.exited;
  const token = "a-token-of-some-length";
  await serve("--token", token);
  expect((await call("GET", "/chaos/faults")).status).toBe(401);
  expect((await call("GET", "/chaos/faults", undefined, { authorization: "Bearer wrong" })).status).toBe(401);
  expect((await call("GET", "/chaos/faults", undefined, { authorization: `Bearer ${token}` })).status).toBe(
    200,
  );
});

test("afterwards the host is as it was", async () => {
  server.kill("SIGTERM");
  await server.exited;
  await waitFor(() => helpers().length === 0, { what: "the helpers to end", timeoutMs: 10_000 });
  expect((await chaoslab(["down", "--lab", "test-k"])).code).toBe(0);
  await waitFor(async () => Bun.deepEquals(await hostPicture(), before), {
    what: "a clean host",
    timeoutMs: 10_000,
  }).catch(() => {});
  expect(await hostPicture()).toEqual(before);
});
