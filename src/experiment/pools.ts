/** The bounded pools of the services: sampled from their metrics while a run goes on. @module */
import type { PoolOutcome, Verdict } from "../model/verdict.ts";

export interface PoolSample {
  /** Unix epoch milliseconds of the scrape. */
  t: number;
  node: string;
  pool: string;
  size: number;
  in_use: number;
  waiting: number;
}

const LINE = /^chaoslab_pool_(size|in_use|waiting)\{([^}]*)\} (\S+)/;
const POOL = /\bpool="([^"]*)"/;

/** Reads the pool gauges out of a Prometheus text exposition. */
export function parsePools(exposition: string, node: string, t: number): PoolSample[] {
  const pools = new Map<string, PoolSample>();
  for (const line of exposition.split("\n")) {
    const [, gauge, labels = "", value] = LINE.exec(line) ?? [];
    const pool = POOL.exec(labels)?.[1];
    if (gauge === undefined || pool === undefined) continue;
    const sample = pools.get(pool) ?? { t, node, pool, size: 0, in_use: 0, waiting: 0 };
    pools.set(pool, sample);
    if (gauge === "size") sample.size = Number(value);
    if (gauge === "in_use") sample.in_use = Number(value);
    if (gauge === "waiting") sample.waiting = Number(value);
  }
  return [...pools.values()];
}

/**
 * Scrapes one node. An answer later than the timeout is no sample: the gap shows in the history.
 * @param url base address of the service.
 */
export async function scrapePools(url: string, node: string, timeoutMs: number): Promise<PoolSample[]> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
  return parsePools(await answer.text(), node, Date.now());
}

/** Peaks of each pool before and during the fault, by node and pool in order of appearance. */
export function poolOutcomes(
  samples: readonly PoolSample[],
  secondOf: (t: number) => number,
  phases: Verdict["phases"],
): PoolOutcome[] {
  const within = (sample: PoolSample, phase: readonly [number, number] | null): boolean =>
    phase !== null && secondOf(sample.t) >= phase[0] && secondOf(sample.t) < phase[1];
  const byPool = Map.groupBy(samples, (sample) => `${sample.node} ${sample.pool}`);
  return [...byPool.values()].flatMap((all) => {
    const first = all[0];
    if (!first) return [];
    const fault = all.filter((sample) => within(sample, phases.fault));
    return {
      node: first.node,
      pool: first.pool,
      size: first.size,
      baseline_peak_in_use: peak(
        all.filter((sample) => within(sample, phases.baseline)),
        "in_use",
      ),
      fault_peak_in_use: peak(fault, "in_use"),
      fault_peak_waiting: peak(fault, "waiting"),
      exhausted_s: longestExhaustion(fault),
    };
  });
}

function peak(samples: readonly PoolSample[], field: "in_use" | "waiting"): number {
  return Math.max(0, ...samples.map((sample) => sample[field]));
}

/** Seconds from the first to the last sample of the longest unbroken exhaustion. */
function longestExhaustion(samples: readonly PoolSample[]): number {
  let longest = 0;
  let since: number | null = null;
  for (const sample of samples) {
    if (sample.in_use >= sample.size && sample.waiting > 0) {
      since ??= sample.t;
      longest = Math.max(longest, sample.t - since);
    } else since = null;
  }
  return Math.round(longest / 100) / 10;
}
