/**
 * The request sequence as text, for eyes and diffs: what a load will send, without sending it.
 * @module
 */
import type { Shard, Stage } from "../model/load.ts";
import { type ArrivalModel, createArrivals } from "./arrivals.ts";
import type { Workload } from "./workload.ts";

/** Lines of tab-separated index, intended time in ms, and the workload's columns, until the stages end; the shard's only. */
export function* scheduleLines(
  workload: Workload,
  options: { arrivals: ArrivalModel; stages: readonly Stage[]; seed: number; shard: Shard },
): Generator<string, void> {
  const { arrivals, stages, seed, shard } = options;
  const nextArrival = createArrivals(arrivals, stages, seed);
  for (let index = 0; ; index++) {
    const at = nextArrival();
    if (at === Number.POSITIVE_INFINITY) return;
    if (index % shard.of === shard.index) yield [index, at.toFixed(3), ...workload.columns(index)].join("\t");
  }
}
