/** From the place of a chart in the page to what is drawn there. @module */
import { CHART_KINDS, type ChartKind, type PageData } from "../data.ts";
import { overlayAvailability, overlayLatency } from "./overlay-charts.ts";
import { percentiles } from "./percentile-chart.ts";
import { recovery } from "./recovery-chart.ts";
import type { ChartSpec } from "./spec.ts";
import { availability, latency, pools, rate, server, waiting } from "./trial-charts.ts";

export const isChartKind = (text: string): text is ChartKind =>
  (CHART_KINDS as readonly string[]).includes(text);

/** Null: the data have nothing to draw there. */
export function chartOf(data: PageData, kind: ChartKind, place: number, part: number): ChartSpec | null {
  if (kind === "overlay-latency" || kind === "overlay-availability") {
    const [before, after] = (data.pairs[place] ?? []).map((trial) => data.trials[trial]);
    if (!before || !after) return null;
    return kind === "overlay-latency"
      ? overlayLatency(before, after, part)
      : overlayAvailability(before, after, part);
  }
  const trial = data.trials[place];
  if (!trial) return null;
  switch (kind) {
    case "latency":
      return latency(trial, part);
    case "availability":
      return availability(trial, part);
    case "rate":
      return rate(trial);
    case "pools":
      return pools(trial);
    case "waiting":
      return waiting(trial);
    case "server":
      return server(trial, part);
    case "recovery":
      return recovery(trial);
    case "percentiles":
      return percentiles(trial, part);
  }
}
