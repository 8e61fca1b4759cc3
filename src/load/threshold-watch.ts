/**
 * Judges a load by its thresholds, second by second and at its end.
 * @module
 */
import type { JudgedSummary, LoadSummary, Stage, ThresholdResult } from "../model/load.ts";
import { durationOf } from "./arrivals.ts";
import { addLatency, addOutcomes, countsOf, type FollowedTick, noCounts } from "./counts.ts";
import { bucketBounds, Histogram } from "./histogram.ts";
import { holds, type LoadThreshold, metricOf, type Window } from "./thresholds.ts";

interface Watched {
  threshold: LoadThreshold;
  /** Seconds that the breach has lasted. */
  breached: number;
  /** Set when it has lasted long enough. */
  tripped: { value: number | null; atS: number } | null;
}

export class ThresholdWatch {
  readonly #all: readonly Watched[];
  readonly #durationS: number;
  #before = { due: 0, late: 0 };

  constructor(
    thresholds: readonly LoadThreshold[],
    stages: readonly Stage[],
    readonly timeoutMs: number,
  ) {
    this.#all = thresholds.map((threshold) => ({ threshold, breached: 0, tripped: null }));
    this.#durationS = durationOf(stages);
  }

  /**
   * Judges the second before the tick by the requests that ended in it, timeouts among them: what is still on its way
   * is judged in the second that it ends in. A second without data neither starts a breach nor ends one: a system that
   * stopped answering is no better. Returns the thresholds that this second trips: the load is to be aborted.
   */
  tick(tick: FollowedTick): ThresholdResult[] {
    const before = this.#before;
    this.#before = { due: tick.due, late: tick.late };
    const results: ThresholdResult[] = [];
    for (const each of this.#all) {
      const { threshold } = each;
      if (threshold.forS === null || each.tripped) continue;
      const value = metricOf(threshold.metric).of(this.#second(tick, before, threshold.operation));
      if (value !== null) each.breached = holds(threshold, value) ? 0 : each.breached + 1;
      else if (each.breached > 0) each.breached++;
      if (each.breached < threshold.forS) continue;
      each.tripped = { value, atS: tick.tick };
      results.push(resultOf(each, value));
    }
    return results;
  }

  /** The summary with the verdict on each threshold, in the order given. */
  judge(summary: LoadSummary): JudgedSummary {
    const thresholds = this.#all.map((each) => {
      const { threshold } = each;
      const value = metricOf(threshold.metric).of(wholeOf(summary, threshold.operation, this.timeoutMs));
      return resultOf(each, value);
    });
    return { ...summary, thresholds };
  }

  #second(tick: FollowedTick, before: { due: number; late: number }, operation: string | null): Window {
    const counts = countsOf(tick.deltas, operation);
    const slip = Histogram.fromSparse(tick.slip);
    const due = tick.due - before.due;
    let sum = 0;
    let max = 0;
    for (const [bucket, n] of counts.latency) {
      const [lowest, highest] = bucketBounds(bucket);
      sum += ((lowest + highest) / 2_000) * n;
      max = Math.max(max, highest / 1_000);
    }
    return {
      counts,
      sum_ms: sum,
      max_ms: max,
      timeout_ms: this.timeoutMs,
      // Neither a second that nothing was due in, nor the load's last part of one, tells a rate.
      seconds: due > 0 && tick.tick <= this.#durationS ? 1 : 0,
      due,
      // Those that wait for a connection are not on time, though nobody can say yet whether late or dropped.
      on_time: slip.count - (tick.late - before.late),
      dropped: tick.deltas.reduce((all, { outcomes }) => all + (outcomes.dropped ?? 0), 0),
      slip,
    };
  }
}

/** Without a breach that aborted the load a sustained threshold held, whatever the value over the whole load is. */
function resultOf({ threshold, tripped }: Watched, value: number | null): ThresholdResult {
  return {
    threshold: threshold.text,
    ok: threshold.forS === null ? holds(threshold, value) : tripped === null,
    value: tripped ? tripped.value : value,
    unit: metricOf(threshold.metric).unit,
    breached_from_s: tripped ? tripped.atS - (threshold.forS ?? 0) : null,
    aborted_at_s: tripped?.atS ?? null,
  };
}

function wholeOf(summary: LoadSummary, operation: string | null, timeoutMs: number): Window {
  const counts = noCounts();
  let sum = 0;
  let max = 0;
  for (const [name, { outcomes, histograms }] of Object.entries(summary.operations)) {
    if (operation !== null && name !== operation) continue;
    addOutcomes(counts, outcomes);
    addLatency(counts, histograms.latency.buckets);
    sum += histograms.latency.sum_us / 1_000;
    max = Math.max(max, histograms.latency.max_us / 1_000);
  }
  const slip = new Histogram();
  slip.addData(summary.slip_histogram);
  const { requests: due, late, dropped, duration_s } = summary;
  return {
    counts,
    sum_ms: sum,
    max_ms: max,
    timeout_ms: timeoutMs,
    seconds: duration_s,
    due,
    on_time: Math.max(0, due - late - dropped),
    dropped,
    slip,
  };
}
