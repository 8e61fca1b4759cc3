import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Target } from "../../lab/target.ts";
import { cpu } from "../cpu.ts";
import { dependency } from "../dependency.ts";
import { disk } from "../disk.ts";
import { kill } from "../kill.ts";
import { memory } from "../memory.ts";
import { restart } from "../restart.ts";
import { stop } from "../stop.ts";
import { type Cgroup, controlFile, parseCounters, readControl, writeControl } from "./cgroup.ts";

const folder = mkdtempSync(join(tmpdir(), "cgroup-"));
const cgroup: Cgroup = { version: 1, dirs: [join(folder, "cpu"), join(folder, "memory")] };

beforeAll(() => {
  for (const dir of cgroup.dirs) mkdirSync(dir);
  writeFileSync(join(folder, "memory", "memory.limit_in_bytes"), "4096\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a file is found in whichever hierarchy has it", () => {
  expect(controlFile(cgroup, "memory.limit_in_bytes")).toBe(join(folder, "memory", "memory.limit_in_bytes"));
  expect(readControl(cgroup, "memory.limit_in_bytes")).toBe("4096");
});

test("a file that is not there reads as null, and is not made by writing it", () => {
  writeControl(cgroup, "cpu.max", "max");
  expect(readControl(cgroup, "cpu.max")).toBeNull();
  expect(readControl({ version: 2, dirs: ["/no/such/group"] }, "cpu.max")).toBeNull();
});

test("counters", () => {
  expect(parseCounters("nr_periods 4\nnr_throttled 2\n")).toEqual({ nr_periods: 4, nr_throttled: 2 });
  expect(parseCounters("")).toEqual({});
});

const client: Target = {
  name: "client",
  address: "198.18.0.71",
  netns: "/run/netns/none",
  device: "eth0",
  cgroup: null,
  stopSignal: "SIGTERM",
  volume: null,
  url: null,
  supervisor: null,
  links: null,
  fabric: { netns: "/run/netns/none", device: "client" },
};

test.each([
  [cpu, { cores: 1 }, "client has no processes of its own"],
  [cpu, { cores: 0 }, "cpu: params.cores: "],
  [kill, {}, "client has no processes of its own"],
  [kill, { signal: 9 }, "kill: params.signal: "],
  [stop, { grace_ms: 5 }, "stop: params.grace_ms: "],
  [restart, { drain: false, grace_ms: 5 }, "restart: params.grace_ms: without drain there is no grace"],
  [restart, { drain: true, then: ["client"] }, "restart: params.then: client is the first one already"],
  [restart, { drain: true, then: [] }, "restart: params.then: "],
  [
    restart,
    { drain: true, then: ["redis", "redis"] },
    "restart: params.then: Expected array elements to be unique",
  ],
  [memory, { limit_mib: 0.5 }, "memory: params.limit_mib: "],
  [dependency, { mode: "normal" }, "dependency: params.mode: nothing is asked for"],
  [dependency, { delay_ms: 5 }, "dependency: client has no HTTP service"],
  [disk, {}, "disk: params.fill_percent: say either"],
  [disk, { fill_percent: 50, leave_bytes: 1 }, "disk: params.fill_percent: say either"],
  [disk, { fill_percent: 50 }, "disk: client has no volume of its own"],
] as const)("%p is refused with %p: %p", async (fault, params, message) => {
  const request = { id: "f-1", params, target: client, others: {}, maxLifetimeMs: 1 };
  await expect(fault.prepare(request)).rejects.toMatchObject({
    kind: "badConfig",
    message: expect.stringContaining(message),
  });
});
