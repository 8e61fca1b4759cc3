/** Recordings made up for tests: what a run would have recorded of a system that behaves so. @module */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bucketOf } from "../load/histogram.ts";
import type { FaultEvent } from "../model/fault.ts";
import type { HistoryRecord } from "../model/history.ts";
import {
  type LoadDelta,
  type LoadSummary,
  OPERATIONS,
  type Operation,
  type OutcomeCounts,
} from "../model/load.ts";
import { type Hypothesis, operationsOf, type Schedule } from "../model/schedule.ts";
import type { Phases } from "../model/verdict.ts";
import { Recording } from "./recording.ts";
import { parseSchedule } from "./schedule-file.ts";
import { type Trial, trialOf } from "./trial.ts";

export const LOAD_START = 1_700_000_000_000;
export const PHASES = { baseline: [5, 25], fault: [27, 57], recovery: [57, 97] } as const satisfies Record<
  keyof Phases,
  readonly [number, number]
>;
export const within = (second: number, [from, to]: readonly [number, number]): boolean =>
  second >= from && second < to;

export const cascade: Schedule = parseSchedule(
  readFileSync(new URL("../../schedules/cascade.yaml", import.meta.url), "utf8"),
  "cascade.yaml",
);
const [first] = cascade.hypotheses;
if (!first) throw new Error("the cascade schedule has no hypothesis");
const { expect: _, ...withoutExpectation } = first;
export const payments200ms: Hypothesis = withoutExpectation;

/** The fault and SLOs of {@link anySystem}, whose load is the scenario beside the committed schedules. */
export const ANY_SYSTEM = `
name: any-system
seed: 1
load: { scenario: scenarios/shop.yaml, rate: 100, timeout_s: 5 }
slis:
  create_p99: { operation: create order, measure: p99 }
  read_errors: { operation: read order, measure: error_rate }
  products: { operation: read product, measure: availability }
slos:
  create_p99: { steady: "< 250 ms", fault: "< 1 s" }
  read_errors: { steady: "< 1 %", fault: "< 1 %" }
  products: { steady: ">= 99 %", fault: ">= 99 %" }
hypotheses:
  - name: slow
    sli: create_p99
    steady_state: "< 250 ms"
    slo_threshold: "< 1 s"
    fault: { type: latency, target: payments, params: { delay_ms: 200 } }
    window_s: 30
`;

export const anySystem: Schedule = parseSchedule(
  ANY_SYSTEM,
  fileURLToPath(new URL("../../schedules/any-system.yaml", import.meta.url)),
);

/** What one second of one operation and tenant looks like. */
export interface Second {
  ms?: number;
  /** Of `requests`. */
  failed?: number;
  requests?: number;
}
export type Shape = (second: number, operation: Operation, tenant: number) => Second;

/** 100 requests per second, operation and tenant; 50 ms and no failure unless `shape` says otherwise. */
export function deltas(
  shape: Shape,
  seconds: number,
  tenants = 1,
  operations: readonly Operation[] = OPERATIONS,
): LoadDelta[] {
  const all: LoadDelta[] = [];
  for (let second = 0; second < seconds; second++) {
    for (const operation of operations) {
      for (let tenant = 0; tenant < tenants; tenant++) {
        const { ms = 50, failed = 0, requests = 100 } = shape(second, operation, tenant);
        const outcomes: OutcomeCounts = { "2xx": requests - failed, timeout: failed };
        all.push({ second, operation, tenant, outcomes, latency: [bucketOf(ms * 1000), requests - failed] });
      }
    }
  }
  return all;
}

export const faultEvent: FaultEvent = {
  id: "f-1",
  fault_type: "latency",
  target: "payments",
  params: { delay_ms: 200 },
  backend: "nfqueue",
  t_start: LOAD_START + 26_500,
  t_stop: LOAD_START + 56_800,
  evidence: { landed: true, detail: "1000 packets", measures: { packets: 1000 } },
  gone: true,
  remains: null,
};

const latency = { count: 1, mean_ms: 1, p50_ms: 1, p90_ms: 1, p99_ms: 1, p999_ms: 1, max_ms: 1 };
export const summary: LoadSummary = {
  kind: "summary",
  targets: ["http://api"],
  rate: 200,
  stages: [{ duration_s: 97, from: 200, to: 200 }],
  seed: 1,
  arrivals: "poisson",
  shard: { index: 0, of: 1 },
  t_start: LOAD_START,
  duration_s: 97,
  late: 0,
  slip_histogram: { count: 0, sum_us: 0, max_us: 0, buckets: [] },
  limits: { slip_p99_ms: 50, dropped_share: 0 },
  requests: 19_400,
  goodput_rps: 200,
  dropped: 0,
  slip: latency,
  generator_saturated: false,
  operation_names: [],
  operations: {},
};

export interface Synthetic {
  shape?: Shape;
  tenants?: number;
  schedule?: Schedule;
  hypothesis?: Hypothesis;
  events?: readonly FaultEvent[];
  load?: LoadSummary | null;
  phases?: Partial<Record<keyof Phases, readonly [number, number] | null>>;
  /** Records besides. */
  more?: readonly HistoryRecord[];
}

/** All the records of a run, in order. */
export function records(synthetic: Synthetic = {}): HistoryRecord[] {
  const { shape = () => ({}), tenants = 1, events = [faultEvent], load = summary, more = [] } = synthetic;
  const operations = [...operationsOf((synthetic.schedule ?? cascade).load)];
  const phases = { ...PHASES, ...synthetic.phases };
  const end = phases.recovery?.[1] ?? phases.fault?.[1] ?? PHASES.baseline[1];
  const bySecond = Map.groupBy(deltas(shape, end, tenants, operations), ({ second }) => second);
  const { t_start, rate, seed, shard, targets } = summary;
  return [
    { kind: "start", t_start, rate, seed, shard, targets, stages: [], operations, tenants },
    ...[...bySecond].map(([second, of]): HistoryRecord => {
      const sent = { due: 0, sent: 0, late: 0, in_flight: 0, slip_max_ms: 0, slip: [] };
      return { kind: "tick", tick: second + 1, ...sent, deltas: of };
    }),
    ...(["baseline", "fault", "recovery"] as const).flatMap((phase): HistoryRecord[] => {
      const window = phases[phase];
      return window ? [{ kind: "phase", phase, from: window[0], to: window[1] }] : [];
    }),
    ...events.map((event): HistoryRecord => ({ kind: "fault", event })),
    ...more,
    ...(load ? [load] : []),
  ];
}

export function trial(synthetic: Synthetic = {}): Trial {
  const { schedule = cascade } = synthetic;
  const { hypothesis = (schedule === anySystem && schedule.hypotheses[0]) || payments200ms } = synthetic;
  const recording = new Recording(schedule.load.timeout_s * 1000, schedule.slis);
  for (const record of records(synthetic)) recording.add(record);
  return trialOf(schedule, hypothesis, 1, recording);
}

/** One scrape of one node; `samples` by name and labels. */
export const scrape = (
  second: number,
  node: string,
  samples: Record<string, number | null>,
): HistoryRecord => ({
  kind: "scrape",
  asked: LOAD_START + second * 1000,
  t: LOAD_START + second * 1000,
  node,
  samples,
});
