/**
 * SLIs as numbers over the seconds of a run, wherever they come from: the load's record or the servers' own metrics.
 * @module
 */
import { OPERATIONS, type Operation } from "../model/load.ts";
import type { OverTime, Sli } from "../model/sli.ts";
import type { History } from "./history.ts";

/** A server's value in each arrival second; null: none was had. */
export type Series = readonly (number | null)[];

const EMPTY: Series = [];

export class Measurements {
  /** Each SLI by the second, as far as it was asked for. */
  readonly #seconds = new Map<string, (number | null)[]>();

  /**
   * @param series of each SLI that is not of the load's record, by its name.
   * @param operations of the load.
   */
  constructor(
    readonly history: History,
    readonly slis: Readonly<Record<string, Sli>>,
    readonly series: ReadonlyMap<string, Series>,
    readonly operations: readonly Operation[] = OPERATIONS,
  ) {}

  get timeoutMs(): number {
    return this.history.timeoutMs;
  }

  sli(name: string): Sli {
    const sli = this.slis[name];
    if (!sli) throw new RangeError(`no SLI called ${name}`);
    return sli;
  }

  /** Over arrival seconds `from` up to but not including `to`; null without data. */
  over(name: string, from: number, to: number): number | null {
    const sli = this.sli(name);
    if (sli.source === "load") return this.history.measure(sli.operation, sli.measure, from, to);
    return overTime((this.series.get(name) ?? EMPTY).slice(Math.max(0, from), Math.max(0, to)), sli.over);
  }

  /** Each second by itself. */
  perSecond(name: string, from: number, to: number): (number | null)[] {
    const known = this.#seconds.get(name) ?? [];
    this.#seconds.set(name, known);
    for (let second = known.length; second < to; second++) known.push(this.over(name, second, second + 1));
    return known.slice(Math.max(0, from), Math.max(0, to));
  }

  /** Over [s, to), for each s from `from` on. */
  suffixes(name: string, from: number, to: number): (number | null)[] {
    const sli = this.sli(name);
    if (sli.source === "load") return this.history.suffixes(sli.operation, sli.measure, from, to);
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => this.over(name, from + i, to));
  }
}

function overTime(values: Series, over: OverTime): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  switch (over) {
    case "max":
      return Math.max(...known);
    case "min":
      return Math.min(...known);
    case "last":
      return known.at(-1) ?? null;
    case "mean":
      return known.reduce((sum, value) => sum + value, 0) / known.length;
  }
}
