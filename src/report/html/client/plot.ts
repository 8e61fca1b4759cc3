/** Draws a chart in its figure. @module */
import uPlot from "uplot";
import { axisStyle, colour } from "../../../web/client/theme.ts";
import { type AxisSpec, type ChartSpec, decades } from "../charts/spec.ts";
import { drawAbove, drawBeneath } from "./marks.ts";

export interface Size {
  width: number;
  height: number;
}

/** @param host what the canvas goes into; the legend, which is operated, goes behind it. */
export function plot(host: HTMLElement, spec: ChartSpec, size: Size): uPlot {
  const { xs, x, y, curves, sync } = spec;
  const isAlone = curves.length === 1;
  const chart = new uPlot(
    {
      ...size,
      padding: [8, 18, 0, 0],
      scales: {
        x: {
          time: false,
          distr: x.log ? 3 : 1,
          range: (_, from, to) => (isWhole(xs, from, to) ? [...x.range] : [from, to]),
        },
        y: { distr: y.log ? 3 : 1, range: [...y.range] },
      },
      axes: [
        { ...axisOf(x), space: 56, size: 28 },
        { ...axisOf(y), space: 28, size: 58 },
      ],
      series: [
        { label: " ", value: (_, at, _i, index) => (index === null ? "" : `at ${x.show(at)}`) },
        ...curves.map(({ label, colour: name, dash }) => ({
          label,
          stroke: () => colour(name),
          width: 1.75,
          points: { show: false },
          ...(dash ? { dash } : {}),
          value: (_: uPlot, value: number | null, _i: number, index: number | null) =>
            index === null ? "" : value === null ? "none" : y.show(value),
        })),
      ],
      legend: {
        live: true,
        mount: (_, legend) => host.after(legend),
        // By the style sheet's name for it, so that it follows the reader's scheme.
        markers: {
          width: 3,
          stroke: (_, i) => `var(--${curves[i - 1]?.colour ?? "text"})`,
          dash: (_, i) => (curves[i - 1]?.dash ? "dashed" : "solid"),
          fill: () => "transparent",
        },
      },
      cursor: { drag: { x: true, y: false }, ...(sync === null ? {} : { sync: { key: sync } }) },
      hooks: {
        drawClear: [(self) => drawBeneath(self, spec)],
        draw: [(self) => drawAbove(self, spec)],
      },
    },
    [xs, ...curves.map(({ values }) => values)],
    host,
  );
  if (!isAlone) operateByKeys(chart, host);
  return chart;
}

/** Whether the reader has not zoomed in. */
const isWhole = (xs: readonly number[], from: number | null, to: number | null): boolean =>
  (from === null && to === null) || (from === xs[0] && to === xs.at(-1));

function axisOf({ show, log, splits }: AxisSpec): uPlot.Axis {
  return {
    ...axisStyle(11),
    values: (_, at) => at.map(show),
    ...(log
      ? {
          splits: (_: uPlot, _axis: number, from: number, to: number) => [...(splits ?? decades(from, to))],
          filter: (_: uPlot, at: number[]) => at,
        }
      : {}),
  };
}

/** The legend's names switch curves on and off; by keys too. */
function operateByKeys(chart: uPlot, host: HTMLElement): void {
  const names = host.parentElement?.querySelectorAll<HTMLElement>(".u-series:not(:first-child) th") ?? [];
  for (const [i, name] of [...names].entries()) {
    name.tabIndex = 0;
    name.setAttribute("role", "switch");
    const say = (): void => name.setAttribute("aria-checked", String(chart.series[i + 1]?.show ?? false));
    say();
    name.addEventListener("click", say);
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      name.click();
    });
  }
}
