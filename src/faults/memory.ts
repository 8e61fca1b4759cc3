/**
 * `memory`: the node and its page cache get `limit_mib`, and no more, by its own cgroup; swap is no way out. At the limit
 * the kernel first takes back cache, then kills a process of the node (Documentation/admin-guide/cgroup-v2.rst).
 * @module
 */
import { signalProcess } from "../lab/process.ts";
import type { Evidence } from "../model/fault.ts";
import type { MemoryParams } from "../model/params.ts";
import { defineFault } from "./fault.ts";
import { type Cgroup, ControlError, cgroupOf, parseCounters } from "./node/cgroup.ts";
import { type Counters, type LimitSpec, limitBackend, type Read, type Setting } from "./node/limits.ts";
import { type NodeProcess, processesOf, waitGone } from "./node/processes.ts";

const MIB = 2 ** 20;
const PAGE = 4096;
/** Our limits are one to fifteen pages above a whole MiB, which is the mark; see limits.ts. At most 60 KiB. */
const MARKS = 15;

/** Limit of one fault, in bytes. */
export function limitBytes(mib: number, id: string): number {
  return mib * MIB + PAGE * (1 + (Bun.hash.crc32(id) % MARKS));
}

export function isOwnLimit(bytes: number): boolean {
  const pages = (bytes % MIB) / PAGE;
  return Number.isInteger(pages) && pages >= 1 && pages <= MARKS;
}

/**
 * What to write. v1: first the limit, then that of memory and swap, which must never be the lower one. It is a MiB
 * higher, so that it is the limit proper that is run into: Linux 6.18 does not count the other in memsw.failcnt.
 */
export function memorySettings(version: 1 | 2, mib: number, id: string): Setting[] {
  const bytes = limitBytes(mib, id);
  if (version === 2) {
    return [
      { file: "memory.max", value: `${bytes}` },
      { file: "memory.swap.max", value: "0", optional: true },
    ];
  }
  return [
    { file: "memory.limit_in_bytes", value: `${bytes}` },
    { file: "memory.memsw.limit_in_bytes", value: `${bytes + MIB}`, optional: true },
  ];
}

/** The limit in force in MiB; Infinity when there is none, which v1 says by a number of about 2^63. */
export function parseLimitMib(version: 1 | 2, read: Read): number {
  const text = read(version === 2 ? "memory.max" : "memory.limit_in_bytes");
  return text === "max" || Number(text) > 2 ** 62 ? Infinity : Number(text) / MIB;
}

/** `hits`: how often an allocation ran into the limit. */
export function memoryCounters(version: 1 | 2, read: Read): Counters {
  if (version === 2) {
    const { max = 0, oom_kill = 0 } = parseCounters(read("memory.events"));
    return { hits: max, oom_kills: oom_kill, usage_mib: Number(read("memory.current")) / MIB };
  }
  const { oom_kill = 0 } = parseCounters(read("memory.oom_control"));
  const usage_mib = Number(read("memory.usage_in_bytes")) / MIB;
  return { hits: Number(read("memory.failcnt")), oom_kills: oom_kill, usage_mib };
}

export function memoryEvidence(
  limitMib: number | null,
  before: Counters,
  now: Counters,
  { killed_to_fit = 0 }: Counters,
): Evidence {
  const since = (name: string): number => (now[name] ?? 0) - (before[name] ?? 0);
  const [hits, kills, usage] = [since("hits"), since("oom_kills") + killed_to_fit, now.usage_mib ?? 0];
  const measures = {
    ...(limitMib === null ? {} : { limit_mib: limitMib }),
    usage_mib: usage,
    limit_hits: hits,
    oom_kills: kills,
  };
  if (limitMib === null) {
    const detail = "the memory limit is no longer in force";
    // It ended with its group, for which a process was killed to make room.
    if (killed_to_fit > 0)
      return { landed: true, detail: `${detail}: ${killed_to_fit} killed for it`, measures };
    return { landed: false, detail, measures };
  }
  const limit = `limited to ${limitMib.toFixed(1)} MiB, ${usage.toFixed(1)} MiB in use`;
  if (hits === 0 && kills === 0) return { landed: false, detail: `${limit}: never reached`, measures };
  return { landed: true, detail: `${limit}: reached ${hits} times, ${kills} killed for it`, measures };
}

/**
 * v2 makes room for a limit below what is in use by killing. v1 takes back what it can and then refuses (EBUSY), so that
 * on v1 the one with the most memory, whom the kernel would choose, is killed here.
 */
async function makingRoom(cgroup: Cgroup, write: () => void): Promise<Counters> {
  let killed = 0;
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      write();
      return { killed_to_fit: killed };
    } catch (error) {
      const refused = error instanceof ControlError && error.code === "EBUSY";
      const victim = largest(processesOf(cgroup));
      if (!refused || performance.now() > deadline) throw error;
      if (victim) {
        signalProcess(victim, "SIGKILL");
        await waitGone([victim], `process ${victim.pid}`);
        killed++;
      } else await Bun.sleep(10); // What a dead process held is given back a moment later.
    }
  }
}

export function largest(all: readonly NodeProcess[]): NodeProcess | null {
  return all.toSorted((a, b) => b.residentKib - a.residentKib)[0] ?? null;
}

const spec = (version: 1 | 2): LimitSpec<MemoryParams> => ({
  name: `memory-cgroup-v${version}`,
  version,
  unit: "MiB",
  settings: ({ limit_mib }, id) => memorySettings(version, limit_mib, id),
  current: (read) => parseLimitMib(version, read),
  asked: ({ limit_mib }) => limit_mib,
  isMarked: (read) => isOwnLimit(parseLimitMib(version, read) * MIB),
  counters: (read) => memoryCounters(version, read),
  evidence: memoryEvidence,
  apply: makingRoom,
});

export const memory = defineFault({
  type: "memory",
  check: ({ target }) => void cgroupOf(target),
  backends: [limitBackend(spec(2)), limitBackend(spec(1))],
});
