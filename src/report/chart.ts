/** The curve of a run as SVG: latency, errors and pools over time, with the fault's window shaded. @module */
import { poolSamples } from "../experiment/pools.ts";
import type { Trial } from "../experiment/trial.ts";
import { showBound } from "../model/sli.ts";
import { escapeXml } from "../web/escape.ts";
import { secondRows } from "./series.ts";
import {
  BLUE,
  grid,
  LEFT,
  legend,
  limitLine,
  niceTop,
  ORANGE,
  PALETTE,
  RIGHT,
  r,
  svg,
  WIDTH,
} from "./svg.ts";

const PANEL = 150;
const GAP = 46;
const TOP = 40;

interface Series {
  label: string;
  colour: string;
  points: readonly (readonly [second: number, value: number])[];
}

interface Panel {
  title: string;
  /** Top of the value axis. */
  max: number;
  show: (value: number) => string;
  /** A dashed line with a label, e.g. an SLO; null: none. */
  limit: { value: number; label: string } | null;
  series: readonly Series[];
}

/** Draws one trial. */
export function chart(trial: Trial): string {
  const { measurements, phases, hypothesis, recording } = trial;
  const { history } = measurements;
  const rows = secondRows(measurements);
  const end = phases.recovery?.[1] ?? phases.baseline[1];
  const of = (operation: string) => rows.filter((row) => row.operation === operation && row.second < end);
  const operations = [
    { label: "POST /orders", colour: ORANGE },
    { label: "GET /orders/{id}", colour: BLUE },
  ];
  const latency = operations.map(({ label, colour }) => ({
    label,
    colour,
    points: of(label).map((row) => [row.second, row.p99_ms ?? 0] as const),
  }));
  const errors = operations.map(({ label, colour }) => ({
    label,
    colour,
    points: of(label).map((row) => [row.second, row.failed / row.requests] as const),
  }));
  const pools = [...Map.groupBy(poolSamples(recording.scrapes), (sample) => `${sample.node} ${sample.pool}`)]
    .map(([label, samples]) => ({
      label,
      points: samples.map((s) => [recording.secondOf(s.t), s.in_use / Math.max(1, s.size)] as const),
    }))
    // The busiest ones tell the story; the rest are in the table of pools.
    .sort((a, b) => peak(b.points) - peak(a.points))
    .slice(0, 3)
    .map((series, i) => ({ ...series, colour: PALETTE[i] ?? BLUE }));

  const top = niceTop(Math.max(10, ...latency.map((series) => peak(series.points))));
  const percent = (value: number): string => `${Number((value * 100).toFixed(1))} %`;
  const panels: Panel[] = [
    {
      title: "p99 latency per second, from the intended send time",
      max: Math.min(top, history.timeoutMs),
      show: (value) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`),
      limit: latencyLimit(trial),
      series: latency,
    },
    {
      title: "failed requests per second, share",
      max: Math.min(1, niceTop(Math.max(0.01, ...errors.map((series) => peak(series.points))))),
      show: percent,
      limit: null,
      series: errors,
    },
    { title: "busiest pools: slots in use", max: 1, show: percent, limit: null, series: pools },
  ];
  const height = TOP + panels.length * (PANEL + GAP);
  const x = (second: number): number => LEFT + (second / end) * (WIDTH - LEFT - RIGHT);
  const faults = recording.events.map(
    ({ fault_type, target, backend }) => `${fault_type} on ${target} (${backend})`,
  );
  return svg(
    height,
    `${hypothesis.name}: ${faults.join(", ") || "no fault"}`,
    "latency, failures and pools over time",
    panels.map((panel, i) => drawPanel(panel, TOP + i * (PANEL + GAP), x, end, phases.fault)),
  );
}

/** The bound under the fault, where the hypothesis is about a latency. */
function latencyLimit({ hypothesis, bounds }: Trial): Panel["limit"] {
  const bound = bounds.find(({ name }) => name === hypothesis.sli);
  if (bound?.sli.unit !== "ms") return null;
  return { value: bound.fault.value, label: `${bound.name} ${showBound(bound.fault, "ms")}` };
}

function drawPanel(
  panel: Panel,
  offset: number,
  x: (second: number) => number,
  end: number,
  fault: readonly [number, number] | null,
): string {
  const top = offset + 18;
  const y = (value: number): number => top + PANEL - (Math.min(value, panel.max) / panel.max) * PANEL;
  const parts = [
    `<text x="${LEFT}" y="${offset + 10}" fill="#111" font-weight="600">${escapeXml(panel.title)}</text>`,
  ];
  if (fault) {
    const [from, to] = fault;
    parts.push(
      `<rect x="${r(x(from))}" y="${top}" width="${r(x(to) - x(from))}" height="${PANEL}" fill="#d55e00" fill-opacity="0.10"/>`,
      `<text x="${r(x(from) + 4)}" y="${top + 13}" fill="#a04000">fault</text>`,
    );
  }
  for (const share of [0, 0.5, 1]) {
    const value = panel.max * share;
    parts.push(grid(y(value), panel.show(value)));
  }
  for (let second = 0; second <= end; second += end > 200 ? 60 : end > 60 ? 15 : 5) {
    parts.push(
      `<text x="${r(x(second))}" y="${top + PANEL + 14}" text-anchor="middle" fill="#555">${second} s</text>`,
    );
  }
  if (panel.limit && panel.limit.value <= panel.max) {
    parts.push(limitLine(y(panel.limit.value), panel.limit.label));
  }
  for (const series of panel.series) {
    const points = series.points.filter(([second]) => second >= 0 && second <= end);
    const path = points.map(([second, value]) => `${r(x(second))},${r(y(value))}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${series.colour}" stroke-width="1.6"/>`);
  }
  parts.push(legend(panel.series, offset));
  return parts.join("\n");
}

const peak = (points: readonly (readonly [number, number])[]): number =>
  Math.max(0, ...points.map(([, value]) => value));
