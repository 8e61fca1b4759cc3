/** The curves of one trial, from its record. @module */
import type { Bounds } from "../../experiment/bounds.ts";
import { type PoolSample, poolSamples } from "../../experiment/pools.ts";
import type { Trial } from "../../experiment/trial.ts";
import { latencyQuantile } from "../../load/counts.ts";
import type { Operation } from "../../model/load.ts";
import { quantileOf } from "../../model/sli.ts";
import type { BoundPair, Column, EndpointCurves, PoolCurve, SliCurve, TrialCurves, Window } from "./data.ts";
import { distanceOf } from "./distance.ts";
import { percentiles } from "./percentiles.ts";
import { digits } from "./round.ts";

/** More curves nobody could tell apart; the table of pools has them all. */
const MOST_POOLS = 4;

export function curvesOf(trial: Trial, name: string): TrialCurves {
  const { phases, recording, measurements, bounds, backAt } = trial;
  const seconds = (phases.recovery ?? phases.fault ?? phases.baseline)[1];
  const stops = recording.events.map(({ t_stop }) => t_stop);
  const ended = stops.filter((t) => t !== null);
  const at = (t: number): number => Math.round(recording.secondOf(t) * 10) / 10;
  return {
    name,
    seconds,
    ...phases,
    faults: recording.events.map(({ fault_type, target, t_start, t_stop }) => ({
      label: `${fault_type} on ${target}`,
      from: at(t_start),
      to: t_stop === null ? null : at(t_stop),
    })),
    removed_s: ended.length > 0 && ended.length === stops.length ? at(Math.max(...ended)) : null,
    back_s: backAt,
    timeout_ms: measurements.timeoutMs,
    endpoints: measurements.operations.map((operation) => endpointOf(trial, operation, seconds)),
    pools: poolsOf(trial, seconds),
    servers: bounds.flatMap((bound): SliCurve[] =>
      bound.sli.source === "load"
        ? []
        : [
            {
              ...pairOf(bound),
              unit: bound.sli.unit,
              values: measurements.perSecond(bound.name, 0, seconds).map(rounded),
            },
          ],
    ),
    distance: distanceOf(measurements, bounds, 0, seconds).map(rounded),
  };
}

const rounded = (value: number | null | undefined): number | null => (value == null ? null : digits(value));

const pairOf = ({ name, steady, fault }: Bounds): BoundPair => ({
  name,
  steady: steady.value,
  fault: fault.value,
});

function endpointOf(
  { measurements, bounds, phases }: Trial,
  operation: Operation,
  seconds: number,
): EndpointCurves {
  const { history, timeoutMs } = measurements;
  const counts = Array.from({ length: seconds }, (_, second) =>
    history.window(operation, second, second + 1),
  );
  const quantile = (q: number): Column => counts.map((each) => rounded(latencyQuantile(each, q, timeoutMs)));
  const of = (window: Window | null): number[] =>
    window ? percentiles(history.window(operation, ...window), timeoutMs) : [];
  const own = bounds.flatMap((bound) =>
    bound.sli.source === "load" && bound.sli.operation === operation
      ? [{ pair: pairOf(bound), measure: bound.sli.measure }]
      : [],
  );
  return {
    name: operation,
    requests: counts.map(({ requests }) => requests),
    failed: counts.map(({ requests, good }) => requests - good),
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    p999_ms: quantile(0.999),
    latency_bounds: own.flatMap(({ pair, measure }) => (quantileOf(measure) === null ? [] : [pair])),
    availability_bounds: own.flatMap(({ pair, measure }): BoundPair[] => {
      if (measure === "availability") return [pair];
      if (measure !== "error_rate") return [];
      return [{ name: `1 - ${pair.name}`, steady: 1 - pair.steady, fault: 1 - pair.fault }];
    }),
    percentiles: {
      baseline: of(phases.baseline),
      fault: of(phases.fault),
      recovery: of(phases.recovery),
    },
  };
}

function poolsOf({ recording }: Trial, seconds: number): PoolCurve[] {
  const byPool = Map.groupBy(poolSamples(recording.scrapes), ({ node, pool }) => `${node} ${pool}`);
  // Over all the time: the one slot of a pool for health checks is all of it for a moment.
  const load = (samples: readonly PoolSample[]): number =>
    samples.reduce((sum, { in_use, size, waiting }) => sum + (in_use + waiting) / Math.max(1, size), 0);
  return [...byPool]
    .filter(([, samples]) => samples.some(({ in_use, waiting }) => in_use + waiting > 0))
    .sort(([, a], [, b]) => load(b) - load(a))
    .slice(0, MOST_POOLS)
    .map(([name, samples]) => {
      const column = (field: "in_use" | "waiting"): Column => {
        const values: Column = new Array(seconds).fill(null);
        for (const sample of samples) {
          const second = Math.floor(recording.secondOf(sample.t));
          if (second < 0 || second >= seconds) continue;
          // Two looks in one second: the fuller one.
          values[second] = Math.max(values[second] ?? 0, sample[field]);
        }
        return values;
      };
      const size = samples.at(-1)?.size ?? 0;
      return { name, size, in_use: column("in_use"), waiting: column("waiting") };
    });
}
