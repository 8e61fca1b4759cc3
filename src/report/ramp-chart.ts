/** The curve of a search for the breakpoint: p99 and goodput against the offered rate, with every repeat's points. @module */
import type { RampDocument, RampStep, StepResult } from "../model/ramp.ts";
import { median } from "../ramp/conclude.ts";
import type { Objective } from "../ramp/objective.ts";
import { operationsOf } from "../ramp/text.ts";
import { escapeXml } from "../web/escape.ts";
import { BLUE, GREEN, grid, LEFT, legend, limitLine, niceTop, PALETTE, RIGHT, r, svg, WIDTH } from "./svg.ts";

const TOP = 66;
const PANEL = 200;
const GAP = 54;
/** Green is the steady rate's. */
const COLOURS = PALETTE.filter((colour) => colour !== GREEN);
const RED = "#b00020";
const GREY = "#555";

interface Point {
  rate: number;
  value: number;
  result: StepResult;
}
interface Series {
  label: string;
  colour: string;
  points: readonly Point[];
}
type Scale = (value: number) => number;

/** @param sentence what came out. */
export function rampChart(
  document: RampDocument,
  objectives: readonly Objective[],
  sentence: string,
): string {
  const { steps, breakpoint, steady_rate_rps: steady, targets } = document;
  const top = Math.max(document.plan.from_rps, ...steps.map((step) => step.rate_rps)) * 1.04;
  const x: Scale = (rate) => LEFT + (rate / top) * (WIDTH - LEFT - RIGHT);
  const second = TOP + PANEL + GAP;
  const [latencyTop, goodputTop] = [TOP + 18, second + 18];
  const marks = [
    ...(breakpoint ? [band(x, breakpoint.min_rps, breakpoint.max_rps, [latencyTop, goodputTop])] : []),
    ...(steady === null
      ? []
      : [mark(x(steady), `steady ${Math.round(steady)}`, GREEN, [latencyTop, goodputTop])]),
    ...(breakpoint
      ? [mark(x(breakpoint.rps), `breakpoint ${Math.round(breakpoint.rps)}`, RED, [latencyTop, goodputTop])]
      : []),
  ];
  return svg(second + 18 + PANEL + 40, `ramp: ${targets.join(", ")}`, sentence, [
    `<text x="${LEFT}" y="40" fill="#333">${escapeXml(sentence)}</text>`,
    ...latencyPanel(steps, objectives, x, TOP),
    ...goodputPanel(steps, x, second, top),
    ...[latencyTop, goodputTop].map((offset) => rateAxis(x, top, offset + PANEL)),
    ...marks,
    `<text x="${r((LEFT + WIDTH - RIGHT) / 2)}" y="${second + PANEL + 52}" text-anchor="middle" fill="${GREY}">offered rate, requests per second   (● held   ○ broke   × the generator was the limit)</text>`,
  ]);
}

function latencyPanel(
  steps: readonly RampStep[],
  objectives: readonly Objective[],
  x: Scale,
  offset: number,
): string[] {
  const series = operationsOf(steps).map((label, i): Series => {
    const points = steps.flatMap(({ rate_rps: rate, verdict, operations }) => {
      const value = operations[label]?.p99_ms ?? null;
      return value === null ? [] : [{ rate, value: Math.max(0.1, value), result: verdict.result }];
    });
    return { label, colour: COLOURS[i % COLOURS.length] ?? BLUE, points };
  });
  const limits = objectives.filter(({ metric }) => metric.kind === "latency");
  const values = [
    ...series.flatMap(({ points }) => points.map((point) => point.value)),
    ...limits.map(boundOf),
  ];
  const low = 10 ** Math.floor(Math.log10(Math.min(10, ...values)));
  const high = Math.max(low * 10, niceTop(Math.max(10, ...values) * 1.05));
  const bottom = offset + 18 + PANEL;
  // Logarithmic: a system that breaks is a thousand times slower than one that does not.
  const y: Scale = (value) => bottom - (Math.log10(value / low) / Math.log10(high / low)) * PANEL;
  const lines: string[] = [];
  for (let value = low; value <= high; value *= 10) {
    lines.push(grid(y(value), value >= 1_000 ? `${value / 1_000} s` : `${Number(value.toFixed(3))} ms`));
  }
  return [
    title("p99 latency from the intended send time", offset),
    ...lines,
    ...limits.map((each) => limitLine(y(boundOf(each)), each.text, "start")),
    ...series.map((each) => curve(each, x, y)),
    legend(series, offset),
  ];
}

/** On a logarithmic axis there is no 0. */
const boundOf = ({ bound }: Objective): number => Math.max(0.1, bound.value);

function goodputPanel(steps: readonly RampStep[], x: Scale, offset: number, top: number): string[] {
  const most = Math.max(1, ...steps.map((step) => Math.max(step.goodput_rps, step.rate_rps)));
  const distance = niceTop(most / 5);
  const max = Math.ceil(most / distance) * distance;
  const bottom = offset + 18 + PANEL;
  const y: Scale = (value) => bottom - (value / max) * PANEL;
  const points = steps.map((step) => ({
    rate: step.rate_rps,
    value: step.goodput_rps,
    result: step.verdict.result,
  }));
  const ideal = Math.min(top, max);
  const series = [{ label: "goodput", colour: "#333", points }];
  return [
    title("goodput, requests per second that ended well", offset),
    ...Array.from({ length: Math.round(max / distance) + 1 }, (_, i) =>
      grid(y(i * distance), String(i * distance)),
    ),
    `<line x1="${r(x(0))}" y1="${r(y(0))}" x2="${r(x(ideal))}" y2="${r(y(ideal))}" stroke="#999" stroke-dasharray="2 4"/>`,
    ...series.map((each) => curve(each, x, y)),
    legend([{ label: "as offered", colour: "#999" }, ...series], offset),
  ];
}

const title = (text: string, offset: number): string =>
  `<text x="${LEFT}" y="${offset + 10}" fill="#111" font-weight="600">${escapeXml(text)}</text>`;

/** Every repeat's points, and at each rate a line through the median of those that tell about the system. */
function curve({ colour, points }: Series, x: Scale, y: Scale): string {
  const telling = points.filter((point) => point.result !== "generator_limited");
  const byRate = [...Map.groupBy(telling, (point) => point.rate)].sort(([a], [b]) => a - b);
  const line = byRate.map(([rate, at]) => `${r(x(rate))},${r(y(median(at.map((point) => point.value))))}`);
  const dots = points.map(({ rate, value, result }) => {
    const [cx, cy] = [r(x(rate)), r(y(value))];
    if (result === "generator_limited") {
      return `<path d="M${cx - 3} ${cy - 3}l6 6m0 -6l-6 6" stroke="${colour}" stroke-width="1.4"/>`;
    }
    return `<circle cx="${cx}" cy="${cy}" r="3.2" fill="${result === "ok" ? colour : "#fff"}" stroke="${colour}" stroke-width="1.3"/>`;
  });
  return `<polyline points="${line.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.2" stroke-opacity="0.55"/>
${dots.join("\n")}`;
}

function rateAxis(x: Scale, top: number, bottom: number): string {
  const step = niceTop(top / 10);
  const labels: string[] = [];
  for (let rate = 0; rate <= top; rate += step) {
    labels.push(
      `<text x="${r(x(rate))}" y="${bottom + 14}" text-anchor="middle" fill="${GREY}">${rate}</text>`,
    );
  }
  return labels.join("\n");
}

function mark(x: number, label: string, colour: string, panels: readonly number[]): string {
  const lines = panels.map(
    (top) =>
      `<line x1="${r(x)}" x2="${r(x)}" y1="${top}" y2="${top + PANEL}" stroke="${colour}" stroke-width="1.4"/>`,
  );
  const end = x > WIDTH - 140;
  const at = `x="${r(x + (end ? -5 : 5))}" y="${(panels[0] ?? 0) + 13}" text-anchor="${end ? "end" : "start"}"`;
  return `${lines.join("\n")}
<text ${at} fill="${colour}" font-weight="600">${escapeXml(label)}</text>`;
}

/** From the lowest to the highest breakpoint of the repeats. */
const band = (x: Scale, min: number, max: number, panels: readonly number[]): string =>
  panels
    .map(
      (top) =>
        `<rect x="${r(x(min))}" y="${top}" width="${r(Math.max(1, x(max) - x(min)))}" height="${PANEL}" fill="${RED}" fill-opacity="0.10"/>`,
    )
    .join("\n");
