/**
 * The request sequence as text, for eyes and diffs: what a load will send, without sending it.
 * @module
 */
import type { Stage } from "../model/load.ts";
import { type ArrivalModel, createArrivals } from "./arrivals.ts";
import type { Workload } from "./workload.ts";

/** Lines of tab-separated index, intended time in ms, and the workload's columns, until the stages end. */
export function* scheduleLines(
  workload: Workload,
  { arrivals, stages, seed }: { arrivals: ArrivalModel; stages: readonly Stage[]; seed: number },
): Generator<string, void> {
  const nextArrival = createArrivals(arrivals, stages, seed);
  for (let index = 0; ; index++) {
    const at = nextArrival();
    if (at === Number.POSITIVE_INFINITY) return;
    yield [index, at.toFixed(3), ...workload.columns(index)].join("\t");
  }
}
