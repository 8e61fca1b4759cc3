/** Latency by percentile, as HdrHistogram plots it. @module */
import { type Column, type PageTrial, percentileTick } from "../data.ts";
import { type ChartSpec, logRange, showMs } from "./spec.ts";

/** Over 1 / (1 - q), which gives every nine the same room. */
export function percentiles(trial: PageTrial, part: number): ChartSpec | null {
  const endpoint = trial.endpoints[part];
  if (!endpoint) return null;
  const { baseline, fault, recovery: after } = endpoint.percentiles;
  const ticks = Math.max(baseline.length, fault.length, after.length);
  if (ticks === 0) return null;
  const filled = (values: readonly number[]): Column =>
    Array.from({ length: ticks }, (_, i) => values[i] ?? null);
  const end = Math.max(2, percentileTick(ticks - 1));
  return {
    xs: Array.from({ length: ticks }, (_, i) => percentileTick(i)),
    x: {
      log: true,
      range: [1, end],
      show: (odds) => `${Number((100 - 100 / odds).toFixed(5))} %`,
      splits: [1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000].filter((odds) => odds <= end),
    },
    y: { log: true, range: logRange([baseline, fault, after]), show: showMs },
    curves: [
      { label: "baseline", colour: "series-2", dash: [2, 2], values: filled(baseline) },
      { label: "fault", colour: "series-1", values: filled(fault) },
      { label: "recovery", colour: "series-3", dash: [6, 3], values: filled(after) },
    ],
    windows: [],
    spans: [],
    bounds: [],
    marks: [],
    sync: null,
  };
}
