/** Faults on a node: its processes, its cgroup v2, its volume, its clock, its manners. @module */
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../src/cli/errors.ts";
import { VdsoMemory } from "../../src/faults/clock/memory.ts";
import { activeBlobs } from "../../src/faults/clock/skew.ts";
import { parseCounters, readControl } from "../../src/faults/node/cgroup.ts";
import { processesOf } from "../../src/faults/node/processes.ts";
import type { NodeName } from "../../src/lab/host/topology.ts";
import type { Check } from "./check.ts";
import { faultCheck } from "./fault-check.ts";
import { answerMs, groupOf, lab, spawnIn } from "./machine.ts";
import { percent } from "./ping.ts";

const control = (node: NodeName, file: string): string =>
  `${file} ${readControl(groupOf(node), file) ?? "is missing"}`;

/** A healthy node answers long before. */
const NO_ANSWER_MS = 2_000;
const stopped: Check = faultCheck({
  name: "stop",
  fault: { type: "stop", target: "payments", params: {} },
  backend: "sigstop",
  measure: () => answerMs("payments", NO_ANSWER_MS),
  spared: () => answerMs("catalog", NO_ANSWER_MS),
  shows: (ms) => ms === Number.POSITIVE_INFINITY,
  clean: (ms) => ms < NO_ANSWER_MS,
  text: (ms) => (ms < NO_ANSWER_MS ? `answers in ${ms.toFixed(0)} ms` : "hangs"),
  kernel: () => {
    const stopped = processesOf(groupOf("payments")).map(({ state }) => state === "T");
    return stopped.every(Boolean) ? "all stopped" : stopped.some(Boolean) ? "some stopped" : "none stopped";
  },
  trace: /^all stopped$/,
});

const CORES = 0.2;
/** Cores that a node with a busy process uses for a while, as its cgroup counts them. */
async function coresUsed(node: NodeName): Promise<number> {
  const usedMs = (): number =>
    (parseCounters(readControl(groupOf(node), "cpu.stat") ?? "").usage_usec ?? Number.NaN) / 1_000;
  await using _ = spawnIn(node, ["sh", "-c", "while :; do :; done"]);
  const [used, started] = [usedMs(), performance.now()];
  await Bun.sleep(1_500);
  return (usedMs() - used) / (performance.now() - started);
}
const cpu: Check = faultCheck({
  name: "cpu by cpu.max",
  fault: { type: "cpu", target: "catalog", params: { cores: CORES } },
  backend: "cpu-cgroup-v2",
  measure: () => coresUsed("catalog"),
  spared: () => coresUsed("orders-2"),
  shows: (cores) => cores > CORES / 2 && cores < CORES * 1.4,
  clean: (cores) => cores > CORES * 2.5,
  text: (cores) => `${cores.toFixed(2)} cores`,
  kernel: () => control("catalog", "cpu.max"),
  trace: /^cpu.max 20\d{3} 100\d{3}$/,
});

/** MiB of 100 that a process of the node gets; 0 when it is killed for wanting them. */
async function memoryGot(node: NodeName): Promise<number> {
  await using child = spawnIn(node, [
    "dd",
    "if=/dev/zero",
    "of=/dev/null",
    "bs=100M",
    "count=1",
    "status=none",
  ]);
  return (await child.exited) === 0 ? 100 : 0;
}
const memory: Check = faultCheck({
  name: "memory by memory.max",
  // Redis itself is small: the kernel kills the one that wants more.
  fault: { type: "memory", target: "redis", params: { limit_mib: 48 } },
  backend: "memory-cgroup-v2",
  measure: () => memoryGot("redis"),
  spared: () => memoryGot("orders-2"),
  shows: (mib) => mib === 0,
  clean: (mib) => mib === 100,
  text: (mib) => (mib === 0 ? "killed for wanting 100 MiB" : `gets ${mib} MiB`),
  kernel: () => `${control("redis", "memory.max")}, ${control("redis", "memory.swap.max")}`,
  trace: /^memory.max 503\d{5}, memory.swap.max 0$/,
});

/** Bytes of 1 MiB that can be written to a folder. */
async function writable(folder: string): Promise<number> {
  const path = join(folder, "vm-probe");
  const block = Buffer.alloc(4096);
  const file = openSync(path, "w");
  let written = 0;
  try {
    while (written < 2 ** 20) written += writeSync(file, block);
    fsyncSync(file);
  } catch (error) {
    if (codeOf(error) !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return written;
}
const volume = (): string => lab().paths.volume("pg-primary");
const disk: Check = faultCheck({
  name: "disk full",
  fault: { type: "disk", target: "pg-primary", params: { fill_percent: 100 } },
  backend: "fill-file",
  measure: () => writable(volume()),
  spared: () => writable(lab().paths.data("payments")),
  shows: (bytes) => bytes === 0,
  clean: (bytes) => bytes === 2 ** 20,
  text: (bytes) => `${bytes} bytes written`,
  kernel: () => {
    const fills = readdirSync(volume()).filter((name) => name.startsWith(".chaoslab-fill-"));
    return `${fills.length} of our files, blocks free: ${statfsSync(volume()).bavail > 0 ? "some" : "none"}`;
  },
  trace: /^1 of our files, blocks free: none$/,
});

const HOUR_MS = 3_600_000;
/** A Date header has whole seconds, is kept for one, and an emulated answer takes its time. */
const DATE_WITHIN_MS = 5_000;
async function dateOffsetMs(node: NodeName): Promise<number> {
  const answer = await fetch(`${lab().topology.url(node)}/healthz`, { signal: AbortSignal.timeout(5_000) });
  return Date.parse(answer.headers.get("date") ?? "") - Date.now();
}
/** Whether code of a fault stands in the vDSO of the node's processes. */
function vdsoOf(node: NodeName): string {
  const skewed = processesOf(groupOf(node)).map((process) => {
    using memory = VdsoMemory.open(process);
    const image = memory?.image();
    return memory && image ? activeBlobs(memory, image).length : 0;
  });
  return `patched vDSOs: ${skewed.filter((blobs) => blobs > 0).length} of ${skewed.length}`;
}
const clock = (target: NodeName, offsetMs: number): Check =>
  faultCheck({
    name: `clock ${offsetMs > 0 ? "ahead" : "behind"}`,
    fault: { type: "clock", target, params: { offset_ms: offsetMs } },
    backend: "vdso",
    measure: () => dateOffsetMs(target),
    spared: () => dateOffsetMs("orders-1"),
    shows: (ms) => Math.abs(ms - offsetMs) < DATE_WITHIN_MS,
    clean: (ms) => Math.abs(ms) < DATE_WITHIN_MS,
    text: (ms) => `${(ms / 1_000).toFixed(1)} s`,
    kernel: () => vdsoOf(target),
    trace: /^patched vDSOs: [1-9]/,
  });

/** Share of twenty charges that the provider refuses. */
async function refused(): Promise<number> {
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const key = crypto.randomUUID();
    const answer = await fetch(`${lab().topology.url("payments")}/charges`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify({ order_id: key, tenant_id: "tenant-01", amount_cents: 100 }),
    });
    statuses.push(answer.status);
  }
  return statuses.filter((status) => status === 503).length / statuses.length;
}
async function unanswered(url: string): Promise<number> {
  return (await fetch(url)).ok ? 0 : 1;
}
const dependency: Check = faultCheck({
  name: "dependency that refuses half of the charges",
  fault: { type: "dependency", target: "payments", params: { error_rate_percent: 50 } },
  backend: "behaviour-api",
  measure: refused,
  spared: () => unanswered(`${lab().topology.url("payments")}/ledger`),
  shows: (share) => share > 0.15 && share < 0.85,
  clean: (share) => share === 0,
  text: (share) => `${percent(share)} refused`,
  kernel: async () => (await fetch(`${lab().topology.url("payments")}/behaviour`)).text(),
  trace: /"error_rate":0.5/,
});

export const nodeChecks: readonly Check[] = [
  stopped,
  cpu,
  memory,
  disk,
  clock("payments", HOUR_MS),
  clock("catalog", -HOUR_MS),
  dependency,
];
