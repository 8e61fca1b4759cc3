/** What the services' own metrics say of retries, breakers and limiters: pure functions over scrapes. @module */
import type { Amplification, BreakerOutcome, LimiterOutcome, Phases } from "../model/verdict.ts";
import type { Recording } from "./recording.ts";

type Window = readonly [number, number];

/** A gap between two samples of a state counts as that state for no longer than this, in seconds. */
const LONGEST_GAP_S = 2;

/** One series of one node: its values in order of time. */
interface Line {
  node: string;
  labels: Readonly<Record<string, string>>;
  points: { second: number; value: number }[];
}

/** Every series of a metric, by node and labels. */
function linesOf({ scrapes, loadStart }: Recording, name: string): Line[] {
  const lines = new Map<string, Line>();
  for (const { t, node, samples } of scrapes) {
    for (const sample of samples) {
      if (sample.name !== name) continue;
      const key = `${node} ${JSON.stringify(sample.labels)}`;
      const line = lines.get(key) ?? { node, labels: sample.labels, points: [] };
      lines.set(key, line);
      line.points.push({ second: (t - loadStart) / 1000, value: sample.value });
    }
  }
  return [...lines.values()];
}

const within = ({ points }: Line, [from, to]: Window) =>
  points.filter(({ second }) => second >= from && second < to);

/**
 * What a counter grew by in a window: from the last sample before it to the last one in it. A node that was restarted
 * counts from zero again.
 */
function increase(line: Line, window: Window): number {
  const inside = within(line, window);
  let before = line.points.findLast(({ second }) => second < window[0])?.value ?? 0;
  let sum = 0;
  for (const { value } of inside) {
    sum += value >= before ? value - before : value;
    before = value;
  }
  return sum;
}

/** `orders-1` and `orders-2` are two of one kind. */
const kindOf = (node: string): string => node.replace(/-\d+$/, "");

const ratio = (above: number, below: number): number | null => (below > 0 ? above / below : null);

/**
 * Attempts per call of each edge between services, as the callers count them, and end to end from the client's checkouts
 * to what arrives at payments: retries at every hop multiply.
 */
export function amplification(recording: Recording, { baseline, fault }: Phases): Amplification[] {
  const attempts = linesOf(recording, "chaoslab_dependency_attempts_total");
  const calls = linesOf(recording, "chaoslab_dependency_calls_total");
  const edgeOf = ({ node, labels }: Line): string => `${kindOf(node)} -> ${labels.dependency}`;
  const total = (lines: readonly Line[], edge: string, window: Window | null): number =>
    window === null
      ? 0
      : lines.filter((line) => edgeOf(line) === edge).reduce((sum, line) => sum + increase(line, window), 0);
  const edges = [...new Set(calls.map(edgeOf))].sort();
  const rows = edges.map((edge) => ({
    edge,
    baseline: ratio(total(attempts, edge, baseline), total(calls, edge, baseline)),
    fault: ratio(total(attempts, edge, fault), total(calls, edge, fault)),
  }));
  const PAYMENTS = "orders -> payments";
  if (!edges.includes(PAYMENTS)) return rows;
  const fromClient = (window: Window | null): number | null =>
    window === null
      ? null
      : ratio(
          total(attempts, PAYMENTS, window),
          recording.history.window("POST /orders", window[0], window[1]).requests,
        );
  return [...rows, { edge: "client -> payments", baseline: fromClient(baseline), fault: fromClient(fault) }];
}

export function breakerOutcomes(recording: Recording, { fault, recovery }: Phases): BreakerOutcome[] {
  if (!fault) return [];
  return linesOf(recording, "chaoslab_breaker_state").map((line) => {
    const points = within(line, fault);
    const time = (state: number): number => {
      const spans = points.map(({ second, value }, i) =>
        value === state
          ? Math.min(LONGEST_GAP_S, (points[i + 1]?.second ?? Math.min(fault[1], second + 1)) - second)
          : 0,
      );
      return Math.round(spans.reduce((sum, span) => sum + span, 0) * 10) / 10;
    };
    const opened = points.find(({ value }) => value === 2);
    const end = line.points.findLast(({ second }) => second < (recovery?.[1] ?? fault[1]));
    return {
      node: line.node,
      dependency: line.labels.dependency ?? "",
      closed_s: time(0),
      half_open_s: time(1),
      open_s: time(2),
      opened_after_s: opened ? Math.round((opened.second - fault[0]) * 10) / 10 : null,
      closed_at_end: end?.value === 0,
    };
  });
}

export function limiterOutcomes(recording: Recording, { baseline, fault }: Phases): LimiterOutcome[] {
  if (!fault) return [];
  const inFlight = linesOf(recording, "chaoslab_limit_in_flight");
  const shed = linesOf(recording, "chaoslab_shed_total");
  return linesOf(recording, "chaoslab_limit").map((line) => {
    const own = (other: Line): boolean =>
      other.node === line.node && other.labels.limiter === line.labels.limiter;
    const values = (each: Line, window: Window): number[] => within(each, window).map(({ value }) => value);
    const inFault = values(line, fault);
    return {
      node: line.node,
      limiter: line.labels.limiter ?? "",
      baseline_limit: values(line, baseline).at(-1) ?? null,
      fault_min_limit: inFault.length > 0 ? Math.min(...inFault) : null,
      fault_peak_in_flight: Math.max(0, ...inFlight.filter(own).flatMap((each) => values(each, fault))),
      shed: shed.filter(own).reduce((sum, each) => sum + increase(each, fault), 0),
    };
  });
}

/** Metric families that a run keeps, besides those its SLIs name. */
export const RECORDED: readonly string[] = [
  "chaoslab_pool_size",
  "chaoslab_pool_in_use",
  "chaoslab_pool_waiting",
  "chaoslab_dependency_attempts_total",
  "chaoslab_dependency_calls_total",
  "chaoslab_breaker_state",
  "chaoslab_limit",
  "chaoslab_limit_in_flight",
  "chaoslab_shed_total",
  "chaoslab_retries_total",
  "chaoslab_timeouts_total",
  "chaoslab_degraded_total",
  "chaoslab_lease_held",
  "chaoslab_lease_token",
  "chaoslab_orders_pending",
];
