import { expect, test } from "bun:test";
import { PHASES, type Synthetic, trial, within } from "../../../experiment/synthetic.ts";
import { judge } from "../../../experiment/verdict.ts";
import { curvesOf } from "../curves.ts";
import { CHART_KINDS, type PageData, type PageTrial } from "../data.ts";
import { chartOf, isChartKind } from "./chart-of.ts";
import { decades, logRange, shareRange, showMs, showShare, trimmed } from "./spec.ts";

function drawn(name: string, synthetic: Synthetic): PageTrial {
  const made = trial(synthetic);
  return { ...curvesOf(made, name), mttr_s: judge(made).mttr_s };
}
const broken = [PHASES.fault[0], PHASES.fault[1] + 6] as const;
const slow = drawn("slow", {
  shape: (second, operation) => (operation === "POST /orders" && within(second, broken) ? { ms: 2_000 } : {}),
});
const quick = drawn("quick", { phases: { baseline: [5, 20], fault: [22, 40], recovery: [40, 70] } });
const empty = drawn("empty", { events: [], phases: { baseline: [0, 0], fault: null, recovery: null } });
const data: PageData = { trials: [slow, quick, empty], pairs: [[0, 1]] };

test("every chart has as many values as instants, whatever was recorded", () => {
  for (const kind of CHART_KINDS) {
    for (const place of [0, 1, 2]) {
      const spec = chartOf(data, kind, place, 0);
      for (const { values } of spec?.curves ?? []) expect(values).toHaveLength(spec?.xs.length ?? -1);
      expect(spec === null || spec.x.range[0] < spec.x.range[1]).toBeTrue();
      expect(spec === null || spec.y.range[0] < spec.y.range[1]).toBeTrue();
    }
  }
  expect(chartOf(data, "latency", 9, 0)).toBeNull();
  expect(chartOf(data, "latency", 0, 9)).toBeNull();
  expect(chartOf(data, "overlay-latency", 1, 0)).toBeNull();
  expect([isChartKind("latency"), isChartKind("constructor")]).toEqual([true, false]);
});

test("latency has the windows, the faults' own time, and the bound of each window", () => {
  const spec = chartOf(data, "latency", 0, 1);
  expect(spec?.windows.map(({ label, from, to }) => [label, from, to])).toEqual([
    ["baseline", 5, 25],
    ["fault", 27, 57],
    ["recovery", 57, 97],
  ]);
  expect(spec?.spans.map(({ from, to }) => [from, to])).toEqual([[26.5, 56.8]]);
  expect(spec?.bounds.map(({ from, value }) => [from, value])).toEqual([
    [5, 250],
    [27, 1_000],
    [57, 250],
  ]);
  expect(spec?.marks).toEqual([{ at: 63, label: "back" }]);
});

test("recovery counts from the fault's removal, and MTTR is where the verdict has it", () => {
  const spec = chartOf(data, "recovery", 0, 0);
  expect(spec?.xs[57]).toBeCloseTo(57 - 56.8, 9);
  expect(spec?.marks).toEqual([{ at: 6.2, label: "MTTR 6.2 s" }]);
  expect(spec?.bounds).toMatchObject([{ value: 1 }]);
  // What was absorbed has nothing to come back from.
  expect([chartOf(data, "recovery", 1, 0)?.marks, chartOf(data, "latency", 1, 0)?.marks]).toEqual([[], []]);
});

test("an overlay aligns both trials at their fault's begin", () => {
  const spec = chartOf(data, "overlay-latency", 0, 1);
  const [before, after] = spec?.curves ?? [];
  const at = (second: number): number => (spec?.xs ?? []).indexOf(second + 0.5);
  expect(before?.values[at(0)]).toBe(slow.endpoints[1]?.p99_ms[27] ?? null);
  expect(after?.values[at(0)]).toBe(quick.endpoints[1]?.p99_ms[22] ?? null);
  expect(after?.values[at(-25)]).toBeNull();
  // The faults were not of one length: both windows show.
  expect(spec?.windows.map(({ to }) => to)).toEqual([30, 18]);
});

test("ranges hold all values and the bounds", () => {
  expect(logRange([[3, null, 40]], [250])).toEqual([1, 500]);
  expect(logRange([[70, 90]])).toEqual([50, 100]);
  expect(logRange([[null, 0]])).toEqual([1, 10]);
  expect(decades(1, 20)).toEqual([1, 2, 5, 10, 20]);
  expect(decades(0.5, 5_000)).toEqual([1, 10, 100, 1_000]);
  expect(shareRange([[1, 0.999]])[0]).toBe(0.99);
  expect(shareRange([[1, 0.2]])[0]).toBe(0);
  expect(shareRange([[1, null]])[1]).toBeGreaterThan(1);
});

test("values have three digits, or all before the point; shares next to 1 have four, and never round up to it", () => {
  expect([0.254, 250, 1_500].map(showMs)).toEqual(["0.254 ms", "250 ms", "1.5 s"]);
  expect([0, 0.1234, 0.99958, 0.9999, 1].map(showShare)).toEqual([
    "0 %",
    "12.3 %",
    "99.95 %",
    "99.99 %",
    "100 %",
  ]);
  expect(trimmed(12_345)).toBe("12345");
});
