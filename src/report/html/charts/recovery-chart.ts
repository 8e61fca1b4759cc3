/** How a system comes back once its fault is gone. @module */
import type { PageTrial } from "../data.ts";
import { type ChartSpec, logRange, showSeconds, showTimes } from "./spec.ts";

/** Second 0 is the removal of the last fault. */
export function recovery(trial: PageTrial): ChartSpec {
  const { removed_s, fault, baseline, mttr_s, seconds, distance } = trial;
  const zero = removed_s ?? fault?.[1] ?? baseline[1];
  const begin = (fault?.[0] ?? 0) - zero;
  const range = [begin - 5, Math.max(1, seconds - zero)] as const;
  return {
    xs: distance.map((_, second) => second - zero),
    x: { log: false, range, show: showSeconds },
    y: { log: true, range: logRange([distance], [0.1, 1.5]), show: showTimes },
    curves: [{ label: "furthest SLI", colour: "series-1", values: distance }],
    windows: [{ from: begin, to: 0, label: "fault", colour: "fault" }],
    spans: [],
    bounds: [{ from: range[0], to: range[1], value: 1, label: "steady bound" }],
    marks: mttr_s ? [{ at: mttr_s, label: `MTTR ${mttr_s} s` }] : [],
    sync: null,
  };
}
