/**
 * How true the faults on a node are: its share of the CPU, its memory, its disk and its clock, on a lab of its own.
 *
 *   sudo node_modules/.bin/bun bench/nodes.ts [seconds per CPU figure, default 5] [--json]
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type ActiveFault, inject } from "../src/faults/controller.ts";
import { cgroupOf, readControl } from "../src/faults/node/cgroup.ts";
import { cgroupLayout, enterCgroup } from "../src/lab/host/cgroup.ts";
import { bootLab } from "../src/lab/host/lab.ts";
import type { NodeName } from "../src/lab/host/topology.ts";
import { fieldsFromState, TICKS_PER_SECOND } from "../src/lab/process.ts";
import type { FaultType } from "../src/model/params.ts";
import { Speaker } from "../test/faults/clock-node.ts";
import { argument, busySeconds, type Figure, finish, quiet, show } from "./kit.ts";

const forMs = argument(0, 5) * 1_000;
const MIB = 2 ** 20;
const LAB = "bench-nodes";
const booted = await bootLab(LAB, () => {});
const { lab } = booted;

const fault = (type: FaultType, target: NodeName, params: Record<string, unknown>): Promise<ActiveFault> =>
  inject({
    journal: lab.paths.journal,
    fault: { type, target, params },
    target: lab.target(target),
  });

/** A process in the node's own cgroup, which begins when it is in there. */
function start(node: NodeName, script: string) {
  const waiting = `await Bun.stdin.text(); ${script}`;
  const child = Bun.spawn([process.execPath, "-e", waiting], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  enterCgroup(cgroupLayout(), LAB, node, child.pid);
  void child.stdin.end();
  return { child, [Symbol.dispose]: () => child.kill("SIGKILL") };
}

/** Seconds of processor time that a process has used: fields 14 and 15 of /proc/PID/stat, in 1/100 s (proc(5)). */
function usedSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = fieldsFromState(stat);
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function cpuShares(): Promise<void> {
  const figures: Figure[] = [];
  for (const cores of [null, 0.1, 0.25, 0.5, 0.8] as const) {
    await quiet();
    using loop = start("payments", "for (;;);");
    const { pid } = loop.child;
    const active = cores === null ? null : await fault("cpu", "payments", { cores });
    const counters = async () => (await active?.verify())?.measures ?? {};
    const [before, used, busy, started] = [
      await counters(),
      usedSeconds(pid),
      busySeconds(),
      performance.now(),
    ];
    await Bun.sleep(forMs);
    const seconds = (performance.now() - started) / 1_000;
    const share = (usedSeconds(pid) - used) / seconds;
    const others = (busySeconds() - busy) / seconds - share;
    const after = await counters();
    const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    const throttled = { "throttled %": (100 * grown("throttled_periods")) / grown("periods") };
    await active?.revert();
    figures.push({
      what: cores === null ? "no limit" : `${cores} cores (${active?.event.backend})`,
      unit: "cores",
      measured: { share, ...(cores === null ? {} : throttled) },
      // Where others leave less than was asked for, it is the scheduler and not the quota that decides.
      allowed:
        cores === null || others + 1.1 * cores > availableParallelism() ? null : [0.9 * cores, 1.1 * cores],
      others,
    });
  }
  show(`CPU: what a busy loop in payments gets over ${forMs / 1_000} s`, figures);
}

async function memoryLimits(): Promise<void> {
  const figures: Figure[] = [];
  for (const limit_mib of [128, 256, 512]) {
    const active = await fault("memory", "payments", { limit_mib });
    // The node has its service in it too, which the kernel spares as long as another one has more.
    using hog = start("payments", "const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));");
    await hog.child.exited;
    const { measures } = await active.verify();
    const group = cgroupOf(lab.target("payments"));
    const peak = readControl(group, "memory.max_usage_in_bytes") ?? readControl(group, "memory.peak");
    await active.revert();
    figures.push({
      what: `${limit_mib} MiB (${active.event.backend})`,
      unit: "MiB",
      measured: {
        limit: measures.limit_mib ?? Number.NaN,
        ...(limit_mib === 512 ? { "peak ever": Number(peak) / MIB } : {}),
        killed: measures.oom_kills ?? 0,
      },
      allowed: [limit_mib, limit_mib + 0.1],
    });
  }
  show("memory: the limit in force, and whether a process that wants more is killed for it", figures);
}

async function diskFills(): Promise<void> {
  const figures: Figure[] = [];
  for (const params of [
    { fill_percent: 80 },
    { fill_percent: 95 },
    { fill_percent: 100 },
    { leave_bytes: 16 * MIB },
  ]) {
    const active = await fault("disk", "pg-primary", params);
    const { used_percent = Number.NaN, free_bytes = Number.NaN } = (await active.verify()).measures;
    await active.revert();
    figures.push(
      params.fill_percent === undefined
        ? { what: "16 MiB left", unit: "MiB", measured: { free: free_bytes / MIB }, allowed: [15.5, 16.5] }
        : {
            what: `${params.fill_percent} % full`,
            unit: "%",
            measured: { used: used_percent, "free MiB": free_bytes / MIB },
            allowed: [params.fill_percent - 0.5, Math.min(100, params.fill_percent + 0.5)],
          },
    );
  }
  show("disk: the primary's volume", figures);
}

async function clockOffsets(): Promise<void> {
  const figures: Figure[] = [];
  const [MINUTE, DAY] = [60_000, 86_400_000];
  const teller = Bun.spawn([process.execPath, resolve(import.meta.dir, "../test/faults/clock-teller.ts")], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  enterCgroup(cgroupLayout(), LAB, "payments", teller.pid);
  const speaker = new Speaker(teller);
  try {
    for (const [what, offset_ms] of [
      ["+5 min", 5 * MINUTE],
      ["-5 min", -5 * MINUTE],
      ["+1 h", 60 * MINUTE],
      ["+1 day and 1 ms", DAY + 1],
      ["-3650 days", -3_650 * DAY],
    ] as const) {
      const active = await fault("clock", "payments", { offset_ms });
      const off = (await speaker.offset()) - offset_ms;
      await active.revert();
      const after = await speaker.offset();
      figures.push({
        what: `${what} (${active.event.backend})`,
        unit: "ms",
        measured: { "off by": off, "after the revert": after },
        allowed: [-20, 20],
      });
    }
  } finally {
    teller.kill("SIGKILL");
  }
  show("clock: how far a process's clock is from what was asked", figures);
}

try {
  await cpuShares();
  await memoryLimits();
  await diskFills();
  await clockOffsets();
} finally {
  await booted.down();
}
finish();
