/** The charts of one trial over its seconds. @module */
import type { BoundPair, Column, PageTrial, SliCurve } from "../data.ts";
import {
  type BoundSpec,
  type ChartSpec,
  type ColourName,
  type CurveSpec,
  fromZero,
  logRange,
  type StretchSpec,
  shareRange,
  showMs,
  showSeconds,
  showShare,
  trimmed,
} from "./spec.ts";

const COLOURS = ["series-1", "series-2", "series-3", "series-4"] as const satisfies ColourName[];
const DASHES = [{}, { dash: [6, 3] }, { dash: [2, 2] }, { dash: [10, 3, 2, 3] }];

export function latency(trial: PageTrial, part: number): ChartSpec | null {
  const endpoint = trial.endpoints[part];
  if (!endpoint) return null;
  const { p50_ms, p99_ms, p999_ms, latency_bounds } = endpoint;
  const limits = latency_bounds.flatMap(({ steady, fault }) => [steady, fault]);
  return {
    ...overTime(trial),
    y: { log: true, range: logRange([p50_ms, p99_ms, p999_ms], limits), show: showMs },
    curves: [
      { label: "p50", colour: "series-3", dash: [2, 2], values: p50_ms },
      { label: "p99", colour: "series-1", values: p99_ms },
      { label: "p999", colour: "series-4", dash: [6, 3], values: p999_ms },
    ],
    bounds: boundsOf(trial, latency_bounds, showMs),
  };
}

export function availabilityOf(requests: readonly number[], failed: readonly number[]): Column {
  return requests.map((asked, second) => (asked === 0 ? null : 1 - (failed[second] ?? 0) / asked));
}

export function availability(trial: PageTrial, part: number): ChartSpec | null {
  const endpoint = trial.endpoints[part];
  if (!endpoint) return null;
  const values = availabilityOf(endpoint.requests, endpoint.failed);
  const limits = endpoint.availability_bounds.flatMap(({ steady, fault }) => [steady, fault]);
  return {
    ...overTime(trial),
    y: { log: false, range: shareRange([values], limits), show: showShare },
    curves: [{ label: "ended well", colour: "series-2", values }],
    bounds: boundsOf(trial, endpoint.availability_bounds, showShare),
  };
}

export function rate(trial: PageTrial): ChartSpec {
  const sum = (of: (each: PageTrial["endpoints"][number]) => readonly number[]): number[] =>
    Array.from({ length: trial.seconds }, (_, second) =>
      trial.endpoints.reduce((total, each) => total + (of(each)[second] ?? 0), 0),
    );
  const asked = sum(({ requests }) => requests);
  const failed = sum((each) => each.failed);
  const done = asked.map((requests, second) => requests - (failed[second] ?? 0));
  return {
    ...overTime(trial),
    y: { log: false, range: fromZero([asked]), show: (value) => `${trimmed(value)}/s` },
    curves: [
      { label: "done", colour: "series-3", values: done },
      { label: "asked", colour: "quiet", dash: [2, 2], values: asked },
      { label: "failed", colour: "series-1", dash: [6, 3], values: failed },
    ],
  };
}

export function pools(trial: PageTrial): ChartSpec {
  const curves = poolCurves(trial, ({ in_use, size }) =>
    in_use.map((used) => (used === null ? null : used / Math.max(1, size))),
  );
  return { ...overTime(trial), y: { log: false, range: [0, 1.13], show: showShare }, curves };
}

export function waiting(trial: PageTrial): ChartSpec {
  const curves = poolCurves(trial, (pool) => pool.waiting);
  const columns = curves.map(({ values }) => values);
  return { ...overTime(trial), y: { log: false, range: fromZero(columns), show: trimmed }, curves };
}

function poolCurves(trial: PageTrial, values: (pool: PageTrial["pools"][number]) => Column): CurveSpec[] {
  return COLOURS.flatMap((colour, i) => {
    const pool = trial.pools[i];
    return pool ? [{ label: pool.name, colour, values: values(pool), ...DASHES[i] }] : [];
  });
}

const SHOW: Readonly<Record<SliCurve["unit"], (value: number) => string>> = {
  ms: showMs,
  share: showShare,
  rps: (value) => `${trimmed(value)}/s`,
  count: trimmed,
};

export function server(trial: PageTrial, part: number): ChartSpec | null {
  const sli = trial.servers[part];
  if (!sli) return null;
  const show = SHOW[sli.unit];
  return {
    ...overTime(trial),
    y: { log: false, range: fromZero([sli.values], Math.max(sli.steady, sli.fault)), show },
    curves: [{ label: sli.name, colour: "series-1", values: sli.values }],
    bounds: boundsOf(trial, [sli], show),
  };
}

/** What all charts of a trial over its seconds have in common. A second's value stands in its middle. */
function overTime(trial: PageTrial): Omit<ChartSpec, "y" | "curves"> {
  const { name, seconds, faults, back_s, mttr_s } = trial;
  return {
    xs: Array.from({ length: seconds }, (_, second) => second + 0.5),
    x: { log: false, range: [0, Math.max(1, seconds)], show: showSeconds },
    windows: windowsOf(trial),
    spans: faults.map(({ from, to, label }) => ({
      from,
      to: to ?? seconds,
      label,
      colour: "fault" as const,
    })),
    bounds: [],
    marks: mttr_s && back_s !== null ? [{ at: back_s, label: "back" }] : [],
    sync: name,
  };
}

function windowsOf({ baseline, fault, recovery: after }: PageTrial): StretchSpec[] {
  const windows: [label: string, colour: ColourName, of: PageTrial["fault"]][] = [
    ["baseline", "series-2", baseline],
    ["fault", "fault", fault],
    ["recovery", "series-3", after],
  ];
  return windows.flatMap(([label, colour, of]) => (of ? [{ from: of[0], to: of[1], label, colour }] : []));
}

/** The steady bound where the steady state is expected, the fault's where the fault is. */
function boundsOf(
  { baseline, fault, recovery: after }: PageTrial,
  pairs: readonly BoundPair[],
  show: (value: number) => string,
): BoundSpec[] {
  return pairs.flatMap(({ name, steady, fault: inFault }) => {
    const at = (of: PageTrial["fault"], value: number, label: string): BoundSpec[] =>
      of ? [{ from: of[0], to: of[1], value, label }] : [];
    return [
      ...at(baseline, steady, `${name} ${show(steady)}`),
      ...at(fault, inFault, inFault === steady ? "" : show(inFault)),
      ...at(after, steady, ""),
    ];
  });
}
