/** Two trials laid over each other at their fault's begin. @module */
import type { Column, PageTrial } from "../data.ts";
import {
  type AxisSpec,
  type ChartSpec,
  logRange,
  shareRange,
  showMs,
  showSeconds,
  showShare,
} from "./spec.ts";
import { availabilityOf } from "./trial-charts.ts";

/** Of both trials: the endpoint of the one before at this place, and the same of the other, wherever it stands there. */
const endpointOf =
  ({ endpoints }: PageTrial, part: number) =>
  (trial: PageTrial): PageTrial["endpoints"][number] | undefined =>
    trial.endpoints.find(({ name }) => name === endpoints[part]?.name);

export function overlayLatency(before: PageTrial, after: PageTrial, part: number): ChartSpec {
  const own = endpointOf(before, part);
  return overlay(
    before,
    after,
    (trial) => own(trial)?.p99_ms ?? [],
    (columns) => ({ log: true, range: logRange(columns), show: showMs }),
  );
}

export function overlayAvailability(before: PageTrial, after: PageTrial, part: number): ChartSpec {
  const own = endpointOf(before, part);
  return overlay(
    before,
    after,
    (trial) => availabilityOf(own(trial)?.requests ?? [], own(trial)?.failed ?? []),
    (columns) => ({ log: false, range: shareRange(columns), show: showShare }),
  );
}

/** Where second 0 is: the fault's begin; without one, where it would have begun. */
const originOf = ({ fault, baseline }: PageTrial): number => fault?.[0] ?? baseline[1];

function overlay(
  before: PageTrial,
  after: PageTrial,
  columnOf: (trial: PageTrial) => Column,
  axisOf: (columns: readonly Column[]) => AxisSpec,
): ChartSpec {
  const trials = [before, after];
  const from = Math.min(...trials.map((trial) => -originOf(trial)));
  const to = Math.max(...trials.map((trial) => trial.seconds - originOf(trial)));
  const columns = trials.map((trial): Column => {
    const column = columnOf(trial);
    return Array.from({ length: to - from }, (_, i) => column[from + i + originOf(trial)] ?? null);
  });
  const [first = [], second = []] = columns;
  const window = ({ fault }: PageTrial, label: string) =>
    fault ? [{ from: 0, to: fault[1] - fault[0], label, colour: "fault" as const }] : [];
  return {
    xs: Array.from({ length: to - from }, (_, i) => from + i + 0.5),
    x: { log: false, range: [from, to], show: showSeconds },
    y: axisOf(columns),
    curves: [
      { label: `before: ${before.name}`, colour: "series-1", dash: [6, 3], values: first },
      { label: `after: ${after.name}`, colour: "series-2", values: second },
    ],
    // Where a stop condition ended one of the faults, its window is the shorter one.
    windows: sameLength(before, after)
      ? window(after, "fault")
      : [...window(before, ""), ...window(after, "fault")],
    spans: [],
    bounds: [],
    marks: [],
    sync: `${before.name} ${after.name}`,
  };
}

const lengthOf = ({ fault }: PageTrial): number => (fault ? fault[1] - fault[0] : 0);
const sameLength = (before: PageTrial, after: PageTrial): boolean => lengthOf(before) === lengthOf(after);
