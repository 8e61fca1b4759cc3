/**
 * A chart as data: what is drawn, before anything is. Times are seconds, shares are of 1. Nothing in this folder needs a
 * browser.
 * @module
 */
import type { Column } from "../data.ts";

/** Colours of src/web/theme.css, which follow the reader's scheme. */
export type ColourName = "series-1" | "series-2" | "series-3" | "series-4" | "quiet" | "fault";

export interface AxisSpec {
  log: boolean;
  range: readonly [number, number];
  show: (value: number) => string;
  /** Where it is marked; left out: at round values. */
  splits?: readonly number[];
}

export interface CurveSpec {
  label: string;
  colour: ColourName;
  /** Lengths of strokes and gaps in pixels, so that not the colour alone tells curves apart. Default: one line. */
  dash?: number[];
  values: Column;
}

/** A stretch of x: a window is shaded over all of the height, a span is a bar along the top. */
export interface StretchSpec {
  from: number;
  to: number;
  label: string;
  colour: ColourName;
}

/** A dashed line at a value, over the stretch in which it counts. */
export interface BoundSpec {
  from: number;
  to: number;
  value: number;
  label: string;
}

/** A line at an instant. */
export interface MarkSpec {
  at: number;
  label: string;
}

export interface ChartSpec {
  xs: number[];
  x: AxisSpec;
  y: AxisSpec;
  curves: CurveSpec[];
  windows: StretchSpec[];
  spans: StretchSpec[];
  bounds: BoundSpec[];
  marks: MarkSpec[];
  /** Charts of one key share the reader's place in time; null: by itself. */
  sync: string | null;
}

export const showMs = (ms: number): string =>
  ms >= 1_000 ? `${trimmed(ms / 1_000)} s` : `${trimmed(ms)} ms`;
export const showShare = (share: number): string => `${trimmed(share * 100)} %`;
export const showTimes = (times: number): string => `${trimmed(times)}x`;
export const showSeconds = (s: number): string => `${trimmed(s)} s`;

/** At most three digits, and no zeros behind the point; `99.95` has four, as shares near 1 need them. */
export function trimmed(value: number): string {
  if (value > 99 && value < 100) return String(Math.floor(value * 100 + 1e-6) / 100);
  return String(value >= 1_000 ? Math.round(value) : Number(value.toPrecision(3)));
}

const known = (columns: readonly Column[]): number[] => columns.flat().filter((value) => value !== null);

/** From the power of ten, or half of it, below all values to the one above; values that are not above 0 are left out. */
export function logRange(columns: readonly Column[], besides: readonly number[] = []): [number, number] {
  const values = [...known(columns), ...besides].filter((value) => value > 0);
  if (values.length === 0) return [1, 10];
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values) * 1.1));
  return [
    Math.min(...values) >= low * 5 ? low * 5 : low,
    Math.max(...values) * 1.1 <= high / 2 ? high / 2 : high,
  ];
}

/** Where a logarithmic axis is marked: at powers of ten, and at 2 and 5 times those where there are few. */
export function decades(from: number, to: number): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(to)) - Math.floor(Math.log10(from)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(from)) + i),
  );
  const steps = to / from > 300 ? [1] : [1, 2, 5];
  return powers.flatMap((power) => steps.map((step) => step * power)).filter((at) => at >= from && at <= to);
}

/** From 0 to a little above the largest value, and to `least` at least. */
export const fromZero = (columns: readonly Column[], least = 1): [number, number] => [
  0,
  Math.max(least, ...known(columns)) * 1.13,
];

/** Up to 100 %, from as near below the least value as leaves it readable. */
export function shareRange(columns: readonly Column[], besides: readonly number[] = []): [number, number] {
  const least = Math.min(1, ...known(columns), ...besides);
  const from = [0.99, 0.95, 0.9, 0.8, 0.5].find((each) => least >= each) ?? 0;
  return [from, 1 + (1 - from) * 0.13];
}
