/**
 * What a load recorded, second by second, as the judgement of a step reads it.
 * @module
 */
import { History } from "../experiment/history.ts";
import { addCounts, type Counts, noCounts } from "../load/counts.ts";
import { Histogram } from "../load/histogram.ts";
import { goodOf, type LoadDelta, type LoadTick } from "../model/load.ts";

export interface Second {
  /** The schedule's rate in the middle of it. */
  rate: number;
  /** By arrival second: what was asked of each operation, and what became of it, however late. */
  operations: Readonly<Record<string, Counts>>;
  dropped: number;
  /** By the second itself: what ended well, was sent, was sent late in it. */
  completed: number;
  sent: number;
  late: number;
  /** Of the requests sent in it: sparse form of the load's histogram. */
  slip: readonly number[];
  /** Processor time of the generator, as a share of one core. */
  cpuShare: number;
}

/** In milliseconds; 0 when nothing was sent. */
export function slipQuantileMs(seconds: readonly Second[], q: number): number {
  const slip = new Histogram();
  for (const each of seconds) slip.addSparse(each.slip);
  return slip.quantile(q) / 1_000;
}

/** Sums over operations and seconds. */
export function sumOf(all: Iterable<Counts>): Counts {
  const sum = noCounts();
  for (const counts of all) addCounts(sum, counts);
  return sum;
}

/** The counts of one operation in some seconds; of all when `operation` is null. */
export function countsIn(seconds: readonly Second[], operation: string | null): Counts {
  return sumOf(
    seconds.flatMap(({ operations }) => {
      if (operation === null) return Object.values(operations);
      const counts = operations[operation];
      return counts === undefined ? [] : [counts];
    }),
  );
}

/** Requests that were asked for. */
export const offered = (seconds: readonly Second[]): number => countsIn(seconds, null).requests;

export const total = (seconds: readonly Second[], of: (second: Second) => number): number =>
  seconds.reduce((sum, second) => sum + of(second), 0);

interface Ended {
  completed: number;
  sent: number;
  late: number;
  slip: readonly number[];
  cpuShare: number;
}

/** Gathers the ticks of one load into seconds. */
export class SecondCollector {
  readonly #history: History;
  readonly #ended: Ended[] = [];
  readonly #dropped = new Map<number, number>();
  readonly #operations = new Set<string>();
  #before = { sent: 0, late: 0, cpuS: 0, atS: 0 };

  /**
   * @param timeoutMs the client's timeout.
   * @param clock processor seconds used so far, and the time, both in seconds.
   */
  constructor(
    timeoutMs: number,
    readonly clock: () => { cpuS: number; atS: number },
  ) {
    this.#history = new History(timeoutMs);
    this.#before = { sent: 0, late: 0, ...clock() };
  }

  add({ sent, late, slip, deltas }: LoadTick): void {
    const now = this.clock();
    let completed = 0;
    for (const delta of deltas) {
      completed += goodOf(delta.outcomes);
      this.#arrived(delta);
    }
    this.#ended.push({
      completed,
      sent: sent - this.#before.sent,
      late: late - this.#before.late,
      slip,
      cpuShare: (now.cpuS - this.#before.cpuS) / Math.max(0.001, now.atS - this.#before.atS),
    });
    this.#before = { sent, late, ...now };
  }

  /** Seconds `from` up to but not including `to`, each at the rate that `rateAt` has for its middle. */
  seconds(from: number, to: number, rateAt: (t: number) => number): Second[] {
    const seconds: Second[] = [];
    for (let s = from; s < to; s++) {
      const ended = this.#ended[s];
      if (!ended) break;
      const operations = Object.fromEntries(
        [...this.#operations].map((name) => [name, this.#history.window(name, s, s + 1)]),
      );
      seconds.push({ rate: rateAt(s + 0.5), operations, dropped: this.#dropped.get(s) ?? 0, ...ended });
    }
    return seconds;
  }

  #arrived(delta: LoadDelta): void {
    this.#history.add(delta);
    this.#operations.add(delta.operation);
    const dropped = delta.outcomes.dropped ?? 0;
    if (dropped > 0) this.#dropped.set(delta.second, (this.#dropped.get(delta.second) ?? 0) + dropped);
  }
}
