/**
 * `cpu`: the node gets `cores` of processor time a second, and no more: a quota of the fair scheduler on its own cgroup
 * (Documentation/scheduler/sched-bwc.rst). It may run at full speed until its share of a period of about 100 ms is used
 * up, and then stands still for the rest of it, as a container with a CPU limit does.
 * @module
 */
import type { Evidence } from "../model/fault.ts";
import type { CpuParams } from "../model/params.ts";
import { defineFault } from "./fault.ts";
import { cgroupOf, parseCounters } from "./node/cgroup.ts";
import { type Counters, type LimitSpec, limitBackend, type Read, type Setting } from "./node/limits.ts";

/** The kernel's default period is 100 000 us. Ours are a little more, which is the mark; see limits.ts. */
const DEFAULT_PERIOD_US = 100_000;
const MARKS = 997;

/** Period of one fault's quota, in microseconds. */
export function periodUs(id: string): number {
  return DEFAULT_PERIOD_US + 1 + (Bun.hash.crc32(id) % MARKS);
}

export function isOwnPeriod(us: number): boolean {
  return us > DEFAULT_PERIOD_US && us <= DEFAULT_PERIOD_US + MARKS;
}

/** What to write for `cores`. v1: the period first, as it is the mark. */
export function cpuSettings(version: 1 | 2, cores: number, id: string): Setting[] {
  const period = periodUs(id);
  const quota = Math.round(cores * period);
  if (version === 2) return [{ file: "cpu.max", value: `${quota} ${period}` }];
  return [
    { file: "cpu.cfs_period_us", value: `${period}` },
    { file: "cpu.cfs_quota_us", value: `${quota}` },
  ];
}

interface Quota {
  cores: number;
  periodUs: number;
}

/** The quota in force. v1 says -1 and v2 `max` where there is none. */
export function parseQuota(version: 1 | 2, read: Read): Quota {
  const [quota = "", period = ""] =
    version === 2 ? read("cpu.max").split(" ") : [read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")];
  const cores = quota === "max" || Number(quota) < 0 ? Infinity : Number(quota) / Number(period);
  return { cores, periodUs: Number(period) };
}

/** v1 counts throttled time in nanoseconds, v2 in microseconds. */
export function cpuCounters(version: 1 | 2, stat: string): Counters {
  const { nr_periods = 0, nr_throttled = 0, throttled_time = 0, throttled_usec = 0 } = parseCounters(stat);
  return {
    periods: nr_periods,
    throttled_periods: nr_throttled,
    throttled_ms: version === 2 ? throttled_usec / 1e3 : throttled_time / 1e6,
  };
}

export function cpuEvidence(cores: number | null, before: Counters, now: Counters): Evidence {
  const since = (name: string): number => (now[name] ?? 0) - (before[name] ?? 0);
  const [periods, throttled, ms] = [since("periods"), since("throttled_periods"), since("throttled_ms")];
  const measures = {
    ...(cores === null ? {} : { limit_cores: cores }),
    periods,
    throttled_periods: throttled,
    throttled_ms: ms,
  };
  if (cores === null) return { landed: false, detail: "the CPU limit is no longer in force", measures };
  const limit = `limited to ${cores.toFixed(2)} cores`;
  if (throttled === 0) {
    return { landed: false, detail: `${limit}, but the node never wanted more`, measures };
  }
  const detail = `${limit}: throttled in ${throttled} of ${periods} periods, ${Math.round(ms)} ms in all`;
  return { landed: true, detail, measures };
}

const spec = (version: 1 | 2): LimitSpec<CpuParams> => ({
  name: `cpu-cgroup-v${version}`,
  version,
  unit: "cores",
  settings: ({ cores }, id) => cpuSettings(version, cores, id),
  current: (read) => parseQuota(version, read).cores,
  asked: ({ cores }) => cores,
  isMarked: (read) => isOwnPeriod(parseQuota(version, read).periodUs),
  counters: (read) => cpuCounters(version, read("cpu.stat")),
  evidence: cpuEvidence,
});

export const cpu = defineFault({
  type: "cpu",
  check: ({ target }) => void cgroupOf(target),
  backends: [limitBackend(spec(2)), limitBackend(spec(1))],
});
