/** SLIs from a Prometheus server: an expression gives one number, now or over time. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import { parseValue } from "../exposition.ts";
import { HttpApi, type QueryOptions } from "./http-api.ts";

export interface Point {
  /** Unix epoch milliseconds. */
  t: number;
  /** Null: not a number. */
  value: number | null;
}

/**
 * The value of an expression now.
 * @param url base address of the server, a path prefix included.
 * @returns null when the expression selects nothing, or its value is not a number (0/0).
 * @throws ChaoslabError `badConfig` when the expression is refused or gives more than one series, `labFailed` when there
 * is no answer, or none that Prometheus would give.
 */
export async function instantQuery(url: string, expr: string, options: QueryOptions): Promise<number | null> {
  const server = new HttpApi(url, options);
  const data = await server.ask("query", { query: expr });
  switch (data.resultType) {
    case "scalar":
      return point(data.result).value;
    case "vector": {
      const only = theOnly(expr, data.result);
      return only && point(only.value).value;
    }
    case "matrix":
      throw new ChaoslabError(
        "badConfig",
        `${expr}: gives a range`,
        "an instant is needed: rate(), or no [..]",
      );
  }
}

/**
 * The values of an expression over time.
 * @param from Unix epoch milliseconds, as is `to`, which is included.
 * @param stepS seconds from one value to the next; the server refuses more than 11,000 of them.
 * @returns instants without a value are left out; empty when the expression selects nothing.
 * @throws ChaoslabError as `instantQuery` does.
 */
export async function rangeQuery(
  url: string,
  expr: string,
  from: number,
  to: number,
  stepS: number,
  options: QueryOptions,
): Promise<Point[]> {
  const server = new HttpApi(url, options);
  const data = await server.ask("query_range", {
    query: expr,
    start: String(from / 1000),
    end: String(to / 1000),
    step: String(stepS),
  });
  if (data.resultType !== "matrix") throw server.odd();
  return theOnly(expr, data.result)?.values.map(point) ?? [];
}

const point = ([seconds, text]: [number, string]): Point => {
  const value = parseValue(text);
  return { t: Math.round(seconds * 1000), value: value === null || Number.isNaN(value) ? null : value };
};

/** An SLI is one number at a time. */
function theOnly<Series>(expr: string, series: readonly Series[]): Series | null {
  if (series.length > 1) {
    throw new ChaoslabError(
      "badConfig",
      `${expr}: gives ${series.length} series, and one is needed`,
      "sum(...) or max(...) makes one of them",
    );
  }
  return series[0] ?? null;
}
