/** The SLIs as curves, with the windows of faults shaded, and their latest values as a table. @module */
import { NONE, showBound, showMs, showPercent, showRate } from "../format.ts";
import type { LiveState } from "../state.ts";
import type { OperationSecond } from "../wire.ts";
import { find, make, row } from "./dom.ts";
import { TimeChart, type TimeSeries } from "./time-chart.ts";

/** Those that have SLOs, in the colours that they have in reports. */
const OPERATIONS = ["POST /orders", "GET /orders/{id}"] as const;
const SERIES: readonly TimeSeries[] = [
  { label: OPERATIONS[0], colour: "series-1" },
  { label: OPERATIONS[1], colour: "series-2" },
];

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const showTime = (seconds: number): string => clock.format(seconds * 1_000);

const latency = new TimeChart(find("chart-latency", HTMLElement), {
  label: "Latency over time; the latest values are in the table",
  series: [...SERIES, ...SERIES.map((each) => ({ ...each, label: `${each.label} p50`, dash: [4, 4] }))],
  showValue: showMs,
  showTime,
  top: 100,
  height: 200,
});
const errors = new TimeChart(find("chart-errors", HTMLElement), {
  label: "Error rate over time; the latest values are in the table",
  series: SERIES,
  showValue: showPercent,
  showTime,
  top: 0.01,
  height: 110,
});
const rate = new TimeChart(find("chart-rate", HTMLElement), {
  label: "Answers per second over time; the latest values are in the table",
  series: SERIES,
  showValue: showRate,
  showTime,
  top: 10,
  height: 110,
});
const span = find("span", HTMLSelectElement);
const table = find("operations", HTMLElement);

/** As long as it takes the curves to move on by a few pixels, in milliseconds. */
export const chartsEveryMs = (): number => Math.max(1_000, (Number(span.value) * 1_000) / 200);

/** Calls back when another time is to be shown. */
export function onSpanChange(act: () => void): void {
  span.addEventListener("change", act);
}

/** @param now the controller's clock, Unix epoch milliseconds. */
export function paintCharts({ seconds, faults }: LiveState, now: number): void {
  const to = now / 1_000;
  const from = to - Number(span.value);
  const shown = seconds.filter(({ t }) => t / 1_000 >= from);
  const xs = shown.map(({ t }) => t / 1_000);
  const windows = faults.map(({ t_start, t_stop }) => ({
    from: t_start / 1_000,
    to: t_stop === null ? null : t_stop / 1_000,
  }));
  const curves = (value: (second: OperationSecond) => number | null): (number | null)[][] =>
    OPERATIONS.map((name) => shown.map(({ operations }) => operations && value(operations[name])));
  const range = [from, to] as const;
  const quantiles = [...curves(({ p99 }) => p99?.ms ?? null), ...curves(({ p50 }) => p50?.ms ?? null)];
  latency.set(xs, quantiles, windows, range);
  errors.set(
    xs,
    curves(({ error_rate }) => error_rate),
    windows,
    range,
  );
  rate.set(
    xs,
    curves((second) => second.rate),
    windows,
    range,
  );
}

/** The latest values, in words. */
export function paintOperations({ seconds }: LiveState): void {
  const latest = seconds.at(-1);
  const rows = OPERATIONS.map((name, i) => {
    const label = make("span", {}, make("span", { class: `swatch series-${i + 1}` }), name);
    const second = latest?.operations?.[name];
    const values = second
      ? [showRate(second.rate), showPercent(second.error_rate), showBound(second.p50), showBound(second.p99)]
      : [NONE, NONE, NONE, NONE];
    return row([label, ...values], [1, 2, 3, 4]);
  });
  table.replaceChildren(...rows);
}
