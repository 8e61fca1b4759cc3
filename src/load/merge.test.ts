import { describe, expect, test } from "bun:test";
import {
  isAnswer,
  type LoadRecord,
  type LoadSummary,
  OUTCOMES,
  type Outcome,
  type Shard,
} from "../model/load.ts";
import { StreamMerger } from "./merge.ts";
import { randomBelow, randomUnit } from "./random.ts";
import { LoadRecorder } from "./recorder.ts";
import { DEFAULT_LIMITS, goodput, isSaturated, WHOLE } from "./run.ts";

const OPERATIONS = ["GET /a", "POST /b", "GET /never", "PUT /c"];
const TENANTS = 3;
const STAGES = [{ duration_s: 6, from: 100, to: 100 }];

interface Sent {
  offsetMs: number;
  operation: number;
  tenant: number;
  outcome: Outcome;
  slipMs: number;
  latencyMs: number;
}

function requests(seed: number): Sent[] {
  const size = 50 + randomBelow(1_500, seed, 0, 1);
  return Array.from({ length: size }, (_, i) => ({
    offsetMs: (6_000 * i) / size,
    operation: [0, 1, 3][randomBelow(3, seed, i, 2)] ?? 0,
    tenant: randomBelow(TENANTS, seed, i, 3),
    outcome: OUTCOMES[randomBelow(OUTCOMES.length, seed, i, 4)] ?? "2xx",
    slipMs: randomUnit(seed, i, 5) * 60,
    latencyMs: 10 ** (randomUnit(seed, i, 6) * 3.6),
  }));
}

/** What a process that sent the shard's part of `all` writes. */
function stream(all: readonly Sent[], shard: Shard): LoadRecord[] {
  const mine = all.filter((_, index) => index % shard.of === shard.index);
  const recorder = new LoadRecorder(OPERATIONS, TENANTS);
  const common = { t_start: 5, rate: 100, stages: STAGES, seed: 1, targets: ["http://h/"], shard };
  const records: LoadRecord[] = [{ kind: "start", ...common, operations: OPERATIONS, tenants: TENANTS }];
  const endOf = ({ offsetMs, latencyMs }: Sent): number => offsetMs + latencyMs;
  const lastMs = Math.max(0, ...mine.map(endOf));
  for (let tick = 1; (tick - 1) * 1_000 <= lastMs; tick++) {
    const within = (ms: number): boolean => ms >= (tick - 1) * 1_000 && ms < tick * 1_000;
    for (const sent of mine) {
      if (within(sent.offsetMs)) recorder.dispatched(sent.slipMs);
      const service = isAnswer(sent.outcome) ? sent.latencyMs / 2 : null;
      if (within(endOf(sent))) recorder.ended(sent, sent.outcome, sent.latencyMs, service);
    }
    const due = mine.filter(({ offsetMs }) => offsetMs < tick * 1_000).length;
    const ended = mine.filter((sent) => endOf(sent) < tick * 1_000).length;
    const late = recorder.late;
    const in_flight = due - ended;
    records.push({
      kind: "tick",
      tick,
      due,
      sent: due,
      late,
      in_flight,
      ...recorder.takeSlip(),
      deltas: recorder.takeDeltas(),
    });
  }
  const operations = recorder.operations();
  const slip = recorder.slip();
  const dropped = mine.filter(({ outcome }) => outcome === "dropped").length;
  const summary: LoadSummary = {
    kind: "summary",
    ...common,
    arrivals: "constant",
    duration_s: 6,
    requests: mine.length,
    goodput_rps: goodput(operations, 6),
    late: recorder.late,
    dropped,
    slip: slip.summary,
    slip_histogram: slip.data,
    limits: DEFAULT_LIMITS,
    generator_saturated: isSaturated(slip.summary.p99_ms, dropped, mine.length, DEFAULT_LIMITS),
    operation_names: OPERATIONS,
    operations,
  };
  return [...records, summary];
}

/** Feeds the streams record by record, from whichever part chance says. */
function mergeAtRandom(streams: readonly LoadRecord[][], seed: number): LoadRecord[] {
  const merger = new StreamMerger(streams.length, WHOLE);
  const at = streams.map(() => 0);
  const merged: LoadRecord[] = [];
  for (let step = 0; ; step++) {
    const open = streams.flatMap((records, i) => ((at[i] ?? 0) < records.length ? [i] : []));
    const part = open[randomBelow(Math.max(1, open.length), seed, step, 7)];
    if (part === undefined) return merged;
    const record = streams[part]?.[at[part] ?? 0];
    at[part] = (at[part] ?? 0) + 1;
    if (record) merged.push(...merger.add(part, record));
  }
}

describe("merging the streams of shards", () => {
  test("gives the records of one process that sent everything, in whatever order they come", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const all = requests(seed);
      const of = 1 + randomBelow(6, seed, 0, 8);
      const parts = Array.from({ length: of }, (_, index) => stream(all, { index, of }));
      expect(mergeAtRandom(parts, seed)).toEqual(stream(all, WHOLE));
    }
  });

  test("a second comes out when the last part has delivered it, and not before", () => {
    const all = requests(3);
    const [one, two] = [stream(all, { index: 0, of: 2 }), stream(all, { index: 1, of: 2 })];
    const merger = new StreamMerger(2, WHOLE);
    const early = one.slice(0, 4).flatMap((record) => merger.add(0, record));
    expect(early).toEqual([]);
    const kinds = two.slice(0, 3).map((record) => merger.add(1, record).map(({ kind }) => kind));
    expect(kinds).toEqual([["start"], ["tick"], ["tick"]]);
  });

  test("a part with nothing to send delays nothing", () => {
    const all = requests(5).slice(0, 1);
    const parts = [
      stream(all, { index: 0, of: 3 }),
      stream(all, { index: 1, of: 3 }),
      stream(all, { index: 2, of: 3 }),
    ];
    const merged = mergeAtRandom(parts, 1);
    expect(merged).toEqual(stream(all, WHOLE));
  });
});
