/**
 * Curves over time with the windows of faults shaded, on a canvas. The canvas says nothing to a screen reader: whoever
 * shows a chart shows its values as text too.
 * @module
 */
import uPlot from "uplot";
import { axisStyle, type ColourName, colour, onSchemeChange } from "../../../web/client/theme.ts";

export interface TimeSeries {
  label: string;
  colour: ColourName;
  /** Lengths of strokes and gaps in pixels, so that not the colour alone tells curves apart. Default: one line. */
  dash?: number[];
}

/** A time in which a fault was in force, in the unit of the chart's x. */
export interface FaultWindow {
  from: number;
  /** Null: still in force. */
  to: number | null;
}

export interface TimeChartOptions {
  /** What the chart shows, in words. */
  label: string;
  series: readonly TimeSeries[];
  /** A value with its unit, e.g. `250 ms`. */
  showValue: (value: number) => string;
  /** A time, for the axis. */
  showTime: (x: number) => string;
  /** The value axis is from zero to this at least. */
  top: number;
  /** In CSS pixels. */
  height: number;
}

export class TimeChart {
  readonly #plot: uPlot;
  #windows: readonly FaultWindow[] = [];
  #range: readonly [from: number, to: number] = [0, 1];

  constructor(host: HTMLElement, options: TimeChartOptions) {
    const { label, series, showValue, showTime, top, height } = options;
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", label);
    const axis = axisStyle(12);
    const empty: uPlot.AlignedData = [[], ...series.map(() => [])];
    this.#plot = new uPlot(
      {
        width: widthOf(host),
        height,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 30, 0, 0],
        scales: {
          x: { time: false, range: () => [...this.#range] },
          y: { range: (_, _min, max) => [0, Math.max(top, Number.isFinite(max) ? max * 1.1 : 0)] },
        },
        axes: [
          { ...axis, space: 70, size: 28, values: (_, splits) => splits.map(showTime) },
          { ...axis, space: 26, size: 64, values: (_, splits) => splits.map(showValue) },
        ],
        series: [
          {},
          ...series.map((each) => ({
            label: each.label,
            stroke: () => colour(each.colour),
            width: 1.5,
            points: { show: false },
            ...(each.dash ? { dash: each.dash } : {}),
          })),
        ],
        hooks: { drawClear: [(plot) => this.#shade(plot)] },
      },
      empty,
      host,
    );
    new ResizeObserver(() => this.#plot.setSize({ width: widthOf(host), height })).observe(host);
    onSchemeChange(() => this.#plot.redraw(false));
  }

  /**
   * @param xs times, in ascending order.
   * @param values of each series, one per time; null: not known, a gap.
   * @param range of the time axis.
   */
  set(
    xs: number[],
    values: readonly (number | null)[][],
    windows: readonly FaultWindow[],
    range: readonly [from: number, to: number],
  ): void {
    this.#windows = windows;
    this.#range = range;
    this.#plot.setData([xs, ...values]);
  }

  #shade({ ctx, bbox, scales, valToPos }: uPlot): void {
    const { min, max } = scales.x ?? {};
    if (min == null || max == null) return;
    ctx.save();
    for (const { from, to } of this.#windows) {
      if (from > max || (to ?? max) < min) continue;
      const left = valToPos(Math.max(from, min), "x", true);
      const right = valToPos(Math.min(to ?? max, max), "x", true);
      ctx.fillStyle = colour("fault-ground");
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      // Its begin and its end, for eyes to which the shade is faint.
      ctx.fillStyle = colour("fault");
      if (from >= min) ctx.fillRect(left, bbox.top, 2 * uPlot.pxRatio, bbox.height);
      if (to !== null && to <= max) ctx.fillRect(right, bbox.top, uPlot.pxRatio, bbox.height);
    }
    ctx.restore();
  }
}

const widthOf = (host: HTMLElement): number => Math.max(200, host.clientWidth);
