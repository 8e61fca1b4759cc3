/** The page's curves: what came between two scrapes of the api, kept for ten minutes. @module */
import type { ShopOperation } from "../../model/load.ts";
import { type Counters, growth, lastBound, quantileBound, type Scraped } from "../counters.ts";
import type { Bound, OperationSecond, Second } from "./wire.ts";

export const KEEP_MS = 600_000;

export class History {
  readonly #seconds: Second[] = [];
  #last: Scraped | null = null;

  /**
   * @param scraped null when the api gave no metrics.
   * @param t when it was asked, Unix epoch milliseconds.
   */
  add(scraped: Scraped | null, t: number): Second {
    const second = { t, operations: this.#last && scraped && between(this.#last, scraped) };
    this.#last = scraped;
    this.#seconds.push(second);
    while ((this.#seconds[0]?.t ?? t) < t - KEEP_MS) this.#seconds.shift();
    return second;
  }

  /** Oldest first. */
  get seconds(): readonly Second[] {
    return this.#seconds;
  }
}

function between(before: Scraped, after: Scraped): Second["operations"] {
  const elapsedS = (after.t - before.t) / 1_000;
  const of = (operation: ShopOperation): OperationSecond | null => {
    const grown = growth(before.operations[operation], after.operations[operation]);
    return grown && operationSecond(grown, elapsedS);
  };
  const [read, write] = [of("GET /orders/{id}"), of("POST /orders")];
  return read && write && { "GET /orders/{id}": read, "POST /orders": write };
}

function operationSecond(grown: Counters, elapsedS: number): OperationSecond {
  const { answered, failed } = grown;
  return {
    rate: answered / elapsedS,
    error_rate: answered > 0 ? failed / answered : null,
    p50: boundOf(grown, 0.5),
    p99: boundOf(grown, 0.99),
  };
}

function boundOf(grown: Counters, q: number): Bound | null {
  const bound = quantileBound(grown, q);
  if (bound === null) return null;
  return Number.isFinite(bound)
    ? { ms: bound * 1_000, over: false }
    : { ms: lastBound(grown) * 1_000, over: true };
}
