/**
 * Every fault, ended in every way: afterwards rules, qdiscs, limits, volumes, clocks and processes are as before.
 * Prints the matrix.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type OpenFault, openFaults } from "../../src/faults/journal.ts";
import { remains } from "../../src/faults/registry.ts";
import { exec } from "../../src/lab/exec.ts";
import { cgroupLayout, cgroupProcesses } from "../../src/lab/host/cgroup.ts";
import { findLab, type HostLab } from "../../src/lab/host/lab.ts";
import { type NodeName, SERVICES } from "../../src/lab/host/topology.ts";
import { waitFor } from "../../src/lab/wait.ts";
import { EXAMPLES } from "../../src/model/examples.ts";
import { FAULT_TYPES, type FaultType } from "../../src/model/params.ts";
import { connectTo } from "../../src/toxiproxy/client.ts";
import { chaoslab, hostPicture, processes } from "../support.ts";

setDefaultTimeout(120_000);

const LAB = "test-m";
const before = await hostPicture();
let lab: HostLab;
let calm: unknown;
const results = new Map<string, string>();

const TARGETS: Partial<Record<FaultType, NodeName>> = { dependency: "payments", disk: "pg-primary" };
/** In turn: a node that is killed again and again is started later and later. */
const ROTA = ["orders-2", "orders-1", "catalog"] as const;
const targetOf = (type: FaultType, turn: number): NodeName =>
  TARGETS[type] ?? ROTA[turn % ROTA.length] ?? "orders-2";

/** Where the example leaves out what makes a difference here: a roll that the endings meet half-way. */
function paramsOf(type: FaultType, target: NodeName): Readonly<Record<string, unknown>> {
  if (type !== "restart") return EXAMPLES[type];
  return { drain: true, then: ROTA.filter((node) => node !== target).join() };
}

const open = (): OpenFault[] => openFaults(lab.paths.journal);
const helpers = (): string[] =>
  processes().filter(
    (argv) => / internal (?!supervise)/.test(argv) && (argv.includes(LAB) || !argv.includes("guard")),
  );

/** Toxics on every proxy of the lab, as their server lists them. */
async function toxics(): Promise<Record<string, unknown>> {
  const server = lab.target("payments").links?.server;
  if (!server) throw new Error("the lab has no proxies");
  const { api, host } = connectTo(server.url, server.tokenFile);
  const { data } = await api.get<Record<string, { toxics: unknown[] }>>(`${host}/proxies`);
  return Object.fromEntries(Object.entries(data).map(([name, proxy]) => [name, proxy.toxics]));
}

/** Everything that a fault of any type may change, as the kernel and the nodes show it. */
async function labPicture(): Promise<unknown> {
  const text = async (argv: string[]): Promise<string[]> =>
    (await exec(argv)).stdout.split("\n").filter(Boolean);
  const layout = cgroupLayout();
  const limits: Record<string, string> = {};
  for (const node of lab.topology.nodes) {
    for (const root of layout.roots) {
      const dir = join(root, "chaoslab", LAB, node);
      const files = [
        "cpu.cfs_quota_us",
        "cpu.max",
        "memory.limit_in_bytes",
        "memory.max",
        "freezer.state",
        "cgroup.freeze",
      ];
      for (const file of files) {
        if (existsSync(join(dir, file)))
          limits[`${node} ${file}`] = readFileSync(join(dir, file), "utf8").trim();
      }
    }
  }
  const stopped = lab.topology.nodes.filter((node) =>
    cgroupProcesses(layout, LAB, node).some((pid) => {
      try {
        return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return false;
      }
    }),
  );
  const skewed: string[] = [];
  for (const node of SERVICES) {
    const answer = await fetch(`${lab.topology.url(node)}/metrics`, { signal: AbortSignal.timeout(5_000) });
    const date = Date.parse(answer.headers.get("date") ?? "");
    // Where the server sends a Date, it counts whole seconds.
    if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 3_000) skewed.push(node);
  }
  const qdiscs: Record<string, string[]> = {};
  for (const place of [...lab.topology.places, "fabric"])
    qdiscs[place] = await text(["tc", "-n", `chaoslab-${LAB}-${place}`, "qdisc", "show"]);
  return {
    toxics: await toxics(),
    rules: await text([
      "ip",
      "netns",
      "exec",
      lab.topology.fabricNamespace,
      "iptables-save",
      "-t",
      "mangle",
    ]).then((lines) => lines.filter((line) => line.startsWith("-A"))),
    qdiscs,
    limits,
    stopped,
    skewed,
    behaviour: await (await fetch(`${lab.topology.url("payments")}/behaviour`)).json(),
    fills: readdirSync(lab.paths.volume("pg-primary")).filter(
      (name) => name !== "data" && name !== "lost+found",
    ),
  };
}

async function settled(): Promise<void> {
  await waitFor(async () => (await lab.nodes()).every((node) => node.state === "ready"), {
    what: "every node to be ready",
    timeoutMs: 60_000,
  });
}

/** Injects by the command line and returns the fault as the journal has it. */
async function injectOne(type: FaultType, target: NodeName, lease: string): Promise<OpenFault> {
  const flags = Object.entries(paramsOf(type, target)).map(
    ([param, value]) => `--${param.replaceAll("_", "-")}=${String(value)}`,
  );
  const argv = ["inject", type, "--lab", LAB, "--target", target, "--for", lease, ...flags];
  const { code, stderr } = await chaoslab(argv);
  if (code !== 0) throw new Error(`inject ${type}: exit ${code}: ${stderr}`);
  const [fault] = open();
  if (!fault) throw new Error(`${type}: no open fault after inject`);
  if (type === "toxic") expect(JSON.stringify(await toxics())).toContain(fault.id);
  return fault;
}

async function guardsOf(owner: number): Promise<number[]> {
  const { stdout } = await exec(["pgrep", "-f", `internal guard .*"pid":${owner},`]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Ways a fault ends. Each leaves it to the test to see that it is gone. */
const ENDINGS: Record<string, (fault: OpenFault, target: NodeName) => Promise<void>> = {
  revert: async ({ id }) => {
    const { code, stdout } = await chaoslab(["revert", id, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ error: null, event: { id, gone: true, remains: null } }]);
  },
  lease: async () => {},
  SIGINT: async ({ owner }) => void process.kill(owner.pid, "SIGINT"),
  SIGTERM: async ({ owner }) => void process.kill(owner.pid, "SIGTERM"),
  SIGKILL: async ({ owner }) => void process.kill(owner.pid, "SIGKILL"),
  "SIGKILL of guard too": async ({ owner }) => {
    for (const pid of await guardsOf(owner.pid)) process.kill(pid, "SIGKILL");
    process.kill(owner.pid, "SIGKILL");
    await Bun.sleep(300);
    expect((await chaoslab(["revert", "--all"])).code).toBe(0);
    expect((await chaoslab(["revert", "--all"])).code).toBe(0);
  },
  "target killed": async ({ id }, target) => {
    for (const pid of cgroupProcesses(cgroupLayout(), LAB, target)) process.kill(pid, "SIGKILL");
    await Bun.sleep(500);
    expect((await chaoslab(["revert", id])).code).toBe(0);
  },
};

beforeAll(async () => {
  expect((await chaoslab(["up", "--lab", LAB, "--toxiproxy"])).code).toBe(0);
  const found = findLab(LAB);
  if (!found) throw new Error("the lab is not there");
  lab = found;
  calm = await labPicture();
});

afterAll(async () => {
  const endings = Object.keys(ENDINGS);
  const width = Math.max(...FAULT_TYPES.map((type) => type.length)) + 2;
  console.log(`\n${"".padEnd(width)}${endings.join("  ")}`);
  for (const type of FAULT_TYPES) {
    const cells = endings.map((ending) => (results.get(`${type} ${ending}`) ?? "-").padEnd(ending.length));
    console.log(`${type.padEnd(width)}${cells.join("  ")}`);
  }
  await chaoslab(["down", "--all"]);
});

let turn = 0;
for (const type of FAULT_TYPES) {
  describe(`${type} is wholly undone after`, () => {
    for (const [ending, end] of Object.entries(ENDINGS)) {
      const target = targetOf(type, turn++);
      test(`${ending}, on ${target}`, async () => {
        results.set(`${type} ${ending}`, "FAILED");
        const fault = await injectOne(type, target, ending === "lease" ? "2s" : "60s");
        // What a kill or a restart leaves is there for a moment only.
        if (type !== "kill" && type !== "restart") expect(await remains(fault.undo)).not.toBeNull();
        await end(fault, target);
        await waitFor(() => open().length === 0, { what: "the journal to be empty", timeoutMs: 15_000 });
        await waitFor(() => helpers().length === 0, {
          what: "the fault's processes to end",
          timeoutMs: 15_000,
        });
        expect(await remains(fault.undo)).toBeNull();
        await settled();
        await waitFor(async () => Bun.deepEquals(await labPicture(), calm), {
          what: "the lab to look as before",
          timeoutMs: 5_000,
        }).catch(() => {});
        expect(await labPicture()).toEqual(calm);
        results.set(`${type} ${ending}`, "ok");
      });
    }
  });
}

test("afterwards the host is as it was", async () => {
  expect((await chaoslab(["down", "--lab", LAB])).code).toBe(0);
  await waitFor(async () => Bun.deepEquals(await hostPicture(), before), {
    what: "a clean host",
    timeoutMs: 10_000,
  }).catch(() => {});
  expect(await hostPicture()).toEqual(before);
});
