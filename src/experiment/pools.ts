/** The bounded pools of the services, from the scrapes of a run. @module */
import type { Phases, PoolOutcome } from "../model/verdict.ts";
import type { Scrape } from "./server-sli.ts";

export interface PoolSample {
  /** Unix epoch milliseconds of the scrape. */
  t: number;
  node: string;
  pool: string;
  size: number;
  in_use: number;
  waiting: number;
}

const GAUGES = {
  chaoslab_pool_size: "size",
  chaoslab_pool_in_use: "in_use",
  chaoslab_pool_waiting: "waiting",
} as const;
const isGauge = (name: string): name is keyof typeof GAUGES => name in GAUGES;

export function poolSamples(scrapes: readonly Scrape[]): PoolSample[] {
  return scrapes.flatMap(({ t, node, samples }) => {
    const pools = new Map<string, PoolSample>();
    for (const { name, labels, value } of samples) {
      const { pool } = labels;
      if (!isGauge(name) || pool === undefined) continue;
      const sample = pools.get(pool) ?? { t, node, pool, size: 0, in_use: 0, waiting: 0 };
      pools.set(pool, sample);
      sample[GAUGES[name]] = value;
    }
    return [...pools.values()];
  });
}

/** Peaks of each pool before and during the fault, by node and pool in order of appearance. */
export function poolOutcomes(
  samples: readonly PoolSample[],
  secondOf: (t: number) => number,
  phases: Phases,
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
  return samples.reduce((most, sample) => Math.max(most, sample[field]), 0);
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
