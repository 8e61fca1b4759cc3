/**
 * Several parts of one load as one: records of shards merged into those that a single process would have written.
 * Counts, sums, maxima and histograms add up exactly; quantiles are read off the added histograms.
 * @module
 */
import {
  type ClientRecord,
  goodOf,
  type HistogramData,
  type LoadDelta,
  type LoadRecord,
  type LoadStart,
  type LoadSummary,
  type LoadTick,
  type OperationSummary,
  OUTCOMES,
  type OutcomeCounts,
  type Shard,
} from "../model/load.ts";
import { Histogram } from "./histogram.ts";
import { summarise } from "./recorder.ts";
import { goodput, isSaturated } from "./run.ts";

/** The histograms added up. Throws RangeError when one contradicts itself. */
export function mergeHistograms(parts: readonly HistogramData[]): Histogram {
  const sum = new Histogram();
  for (const part of parts) sum.addData(part);
  return sum;
}

function mergeOutcomes(parts: readonly OutcomeCounts[]): OutcomeCounts {
  const sum: OutcomeCounts = {};
  for (const part of parts) {
    for (const outcome of OUTCOMES) {
      const count = part[outcome];
      if (count !== undefined) sum[outcome] = (sum[outcome] ?? 0) + count;
    }
  }
  return sum;
}

function mergeSparse(parts: readonly (readonly number[])[]): number[] {
  const counts = new Map<number, number>();
  for (const sparse of parts) {
    for (let i = 0; i < sparse.length; i += 2) {
      const bucket = sparse[i] ?? 0;
      counts.set(bucket, (counts.get(bucket) ?? 0) + (sparse[i + 1] ?? 0));
    }
  }
  return [...counts].sort(([a], [b]) => a - b).flat();
}

/** One delta per second, operation and tenant, in this order. */
export function mergeDeltas(deltas: readonly LoadDelta[], operations: readonly string[]): LoadDelta[] {
  const groups = new Map<string, LoadDelta[]>();
  for (const delta of deltas) {
    const key = `${delta.second} ${delta.tenant} ${delta.operation}`;
    const group = groups.get(key);
    if (group) group.push(delta);
    else groups.set(key, [delta]);
  }
  const merged: LoadDelta[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    if (!first) continue;
    const outcomes = mergeOutcomes(group.map((delta) => delta.outcomes));
    merged.push({ ...first, outcomes, latency: mergeSparse(group.map((delta) => delta.latency)) });
  }
  const rank = new Map(operations.map((operation, i) => [operation, i]));
  const rankOf = ({ operation }: LoadDelta): number => rank.get(operation) ?? operations.length;
  return merged.sort((a, b) => a.second - b.second || rankOf(a) - rankOf(b) || a.tenant - b.tenant);
}

/** Null when no part has one. */
function mergeRecords(parts: readonly (ClientRecord | undefined)[]): ClientRecord | null {
  const records = parts.filter((part) => part !== undefined);
  if (records.length === 0) return null;
  return {
    acknowledged: records.flatMap((record) => record.acknowledged),
    foreign_reads: records.flatMap((record) => record.foreign_reads),
  };
}

function mergeOperation(parts: readonly OperationSummary[]): OperationSummary {
  const outcomes = mergeOutcomes(parts.map((part) => part.outcomes));
  const requests = parts.reduce((sum, part) => sum + part.requests, 0);
  const latency = mergeHistograms(parts.map((part) => part.histograms.latency));
  const serviceTime = mergeHistograms(parts.map((part) => part.histograms.service_time));
  return {
    requests,
    outcomes,
    error_rate: 1 - goodOf(outcomes) / requests,
    latency: summarise(latency),
    service_time: summarise(serviceTime),
    histograms: { latency: latency.toData(), service_time: serviceTime.toData() },
  };
}

/** The summary of all parts, at least one; what says how the load was made is taken from the first. */
export function mergeSummaries(parts: readonly LoadSummary[], shard: Shard): LoadSummary {
  const [first] = parts;
  if (!first) throw new RangeError("no summary to merge");
  const operations: Record<string, OperationSummary> = {};
  for (const name of first.operation_names) {
    const summaries = parts.flatMap((part) => part.operations[name] ?? []);
    if (summaries.length > 0) operations[name] = mergeOperation(summaries);
  }
  const sum = (of: (part: LoadSummary) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const slip = mergeHistograms(parts.map((part) => part.slip_histogram));
  const slipSummary = summarise(slip);
  const requests = sum((part) => part.requests);
  const dropped = sum((part) => part.dropped);
  const duration = Math.max(...parts.map((part) => part.duration_s));
  return {
    ...first,
    shard,
    t_start: Math.min(...parts.map((part) => part.t_start)),
    duration_s: duration,
    requests,
    goodput_rps: goodput(operations, duration),
    late: sum((part) => part.late),
    dropped,
    slip: slipSummary,
    slip_histogram: slip.toData(),
    generator_saturated: isSaturated(slipSummary.p99_ms, dropped, requests, first.limits),
    operations,
  };
}

interface Part {
  start: LoadStart | null;
  /** Ticks that another part has not delivered yet. */
  ticks: LoadTick[];
  /** Counts of a part that has ended stay in the sums. */
  last: LoadTick | null;
  summary: LoadSummary | null;
}

/**
 * Merges the streams of parts that run at once: each record comes out when every part has delivered its own. A part
 * that has ended counts as having delivered all ticks.
 */
export class StreamMerger {
  readonly #parts: readonly Part[];
  readonly #shard: Shard;
  #start: LoadStart | null = null;

  /** @param shard what the parts are together. */
  constructor(parts: number, shard: Shard) {
    this.#parts = Array.from({ length: parts }, () => ({
      start: null,
      ticks: [],
      last: null,
      summary: null,
    }));
    this.#shard = shard;
  }

  /** Takes the next record of a part; returns the records that are complete with it. */
  add(index: number, record: LoadRecord): LoadRecord[] {
    const part = this.#parts[index];
    if (!part || part.summary) throw new RangeError(`no record expected of part ${index}`);
    if (record.kind === "start") part.start = record;
    else if (record.kind === "tick") part.ticks.push(record);
    else part.summary = record;

    const complete: LoadRecord[] = [];
    const [first] = this.#parts;
    if (!this.#start && first?.start && this.#parts.every(({ start }) => start !== null)) {
      this.#start = { ...first.start, shard: this.#shard };
      complete.push(this.#start);
    }
    for (let tick = this.#nextTick(); tick; tick = this.#nextTick()) complete.push(tick);
    const summaries = this.#parts.flatMap(({ summary }) => summary ?? []);
    if (summaries.length === this.#parts.length) complete.push(mergeSummaries(summaries, this.#shard));
    return complete;
  }

  #nextTick(): LoadTick | null {
    const start = this.#start;
    const missing = this.#parts.some(({ ticks, summary }) => ticks.length === 0 && summary === null);
    if (!start || missing || this.#parts.every(({ ticks }) => ticks.length === 0)) return null;
    const now: LoadTick[] = [];
    const merged = { due: 0, sent: 0, late: 0 };
    for (const part of this.#parts) {
      const tick = part.ticks.shift();
      if (tick) now.push(tick);
      part.last = tick ?? part.last;
      for (const key of ["due", "sent", "late"] as const) merged[key] += part.last?.[key] ?? 0;
    }
    const record = mergeRecords(now.map((tick) => tick.record));
    return {
      kind: "tick",
      tick: Math.max(...now.map(({ tick }) => tick)),
      ...merged,
      in_flight: now.reduce((sum, tick) => sum + tick.in_flight, 0),
      slip_max_ms: Math.max(...now.map((tick) => tick.slip_max_ms)),
      slip: mergeSparse(now.map((tick) => tick.slip)),
      deltas: mergeDeltas(
        now.flatMap((tick) => tick.deltas),
        start.operations,
      ),
      ...(record && { record }),
    };
  }
}
