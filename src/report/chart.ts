/** The curve of a run as SVG: latency, errors and pools over time, with the fault's window shaded. @module */
import { poolSamples } from "../experiment/pools.ts";
import type { Trial } from "../experiment/trial.ts";
import { showBound } from "../model/sli.ts";
import { escapeXml } from "../web/escape.ts";
import { type SecondRow, secondRows } from "./series.ts";
import {
  BLUE,
  grid,
  LEFT,
  legend,
  legendRows,
  limitLine,
  niceTop,
  PALETTE,
  RIGHT,
  r,
  shortLabel,
  svg,
  WIDTH,
} from "./svg.ts";

const PANEL = 150;
const GAP = 46;
const TOP = 40;
const LEGEND_ROW = 16;
/** Of a letter of a title, about. */
const TITLE_LETTER = 6.7;

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

/** A panel in its place. */
interface Placed extends Panel {
  /** Where its title stands. */
  offset: number;
  /** Its legend: in one row beside the title, or in several beneath it. */
  legend: readonly (readonly Series[])[];
  /** Where its frame begins. */
  top: number;
}

/** Draws one trial. */
export function chart(trial: Trial): string {
  const { measurements, phases, hypothesis, recording } = trial;
  const { history } = measurements;
  const rows = secondRows(measurements);
  const end = phases.recovery?.[1] ?? phases.baseline[1];
  const operations = curvesOf(
    measurements.operations,
    rows.filter(({ second }) => second < end),
  );
  const latency = operations.map((each) => seriesOf(each, p99Of));
  const errors = operations.map((each) => seriesOf(each, failedOf));
  const all = measurements.operations.length;
  const some = all > operations.length ? `, ${operations.length} worst of ${all}` : "";
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
      title: `p99 latency per second, from the intended send time${some}`,
      max: Math.min(top, history.timeoutMs),
      show: (value) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`),
      limit: latencyLimit(trial),
      series: latency,
    },
    {
      title: `failed requests per second, share${some}`,
      max: Math.min(1, niceTop(Math.max(0.01, ...errors.map((series) => peak(series.points))))),
      show: percent,
      limit: null,
      series: errors,
    },
  ];
  if (pools.length > 0) {
    panels.push({
      title: "busiest pools: slots in use",
      max: 1,
      show: percent,
      limit: null,
      series: pools,
    });
  }
  const { placed, height } = place(panels);
  const x = (second: number): number => LEFT + (second / end) * (WIDTH - LEFT - RIGHT);
  const faults = recording.events.map(
    ({ fault_type, target, backend }) => `${fault_type} on ${target} (${backend})`,
  );
  return svg(
    height,
    `${hypothesis.name}: ${faults.join(", ") || "no fault"}`,
    `latency${pools.length > 0 ? ", failures and pools" : " and failures"} over time`,
    placed.map((panel) => drawPanel(panel, x, end, phases.fault)),
  );
}

interface OperationCurve {
  label: string;
  colour: string;
  rows: readonly SecondRow[];
}

const p99Of = (row: SecondRow): number => row.p99_ms ?? 0;
const failedOf = (row: SecondRow): number => row.failed / row.requests;

/** Of more operations than there are colours, those with the worst second: by its failures, then by its p99. */
function curvesOf(names: readonly string[], rows: readonly SecondRow[]): OperationCurve[] {
  const byName = Map.groupBy(rows, ({ operation }) => operation);
  const all = names.map((name) => ({ label: shortLabel(name), rows: byName.get(name) ?? [] }));
  const most = (of: (row: SecondRow) => number, each: (typeof all)[number]): number =>
    Math.max(0, ...each.rows.map(of));
  const shown =
    all.length <= PALETTE.length
      ? all
      : all
          .toSorted((a, b) => most(failedOf, b) - most(failedOf, a) || most(p99Of, b) - most(p99Of, a))
          .slice(0, PALETTE.length);
  // The first is drawn last, above the others.
  return shown.map((each, i) => ({ ...each, colour: PALETTE[i] ?? BLUE })).toReversed();
}

const seriesOf = ({ label, colour, rows }: OperationCurve, measure: (row: SecondRow) => number): Series => ({
  label,
  colour,
  points: rows.map((row) => [row.second, measure(row)] as const),
});

/** One below the other; a legend that has no room beside its title moves its frame down. */
function place(panels: readonly Panel[]): { placed: Placed[]; height: number } {
  const width = WIDTH - LEFT - RIGHT;
  const placed: Placed[] = [];
  let offset = TOP;
  for (const panel of panels) {
    const besides = legendRows(panel.series, width - panel.title.length * TITLE_LETTER);
    const legend = besides.length <= 1 ? besides : legendRows(panel.series, width);
    const extra = besides.length <= 1 ? 0 : legend.length * LEGEND_ROW;
    placed.push({ ...panel, offset, legend, top: offset + 18 + extra });
    offset += PANEL + GAP + extra;
  }
  return { placed, height: offset };
}

/** The bound under the fault, where the hypothesis is about a latency. */
function latencyLimit({ hypothesis, bounds }: Trial): Panel["limit"] {
  const bound = bounds.find(({ name }) => name === hypothesis.sli);
  if (bound?.sli.unit !== "ms") return null;
  return { value: bound.fault.value, label: `${bound.name} ${showBound(bound.fault, "ms")}` };
}

function drawPanel(
  panel: Placed,
  x: (second: number) => number,
  end: number,
  fault: readonly [number, number] | null,
): string {
  const { offset, top } = panel;
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
  const below = top - offset - 18 > 0 ? LEGEND_ROW : 0;
  parts.push(...panel.legend.map((row, i) => legend(row, offset + below * (i + 1))));
  return parts.join("\n");
}

const peak = (points: readonly (readonly [number, number])[]): number =>
  Math.max(0, ...points.map(([, value]) => value));
