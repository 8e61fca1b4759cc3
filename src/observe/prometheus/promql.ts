/**
 * Service level indicators as PromQL, from the api's own metrics. A client sees a little more: what never reached the
 * api, and the way there.
 * @module
 */
import { OPERATIONS, type Operation, type ShopOperation } from "../../model/load.ts";
import { quantileOf, type Sli, type Unit } from "../../model/sli.ts";

const ROUTES: Readonly<Record<ShopOperation, string>> = {
  "POST /orders": 'route="/orders",method="POST"',
  "GET /orders/{id}": 'route="/orders/:id",method="GET"',
};

const isShops = (operation: Operation): operation is ShopOperation =>
  OPERATIONS.some((each) => each === operation);

/** The requests of an operation at the api: labels of its metrics. */
export const requestsOf = (operation: ShopOperation): string => `node="api",${ROUTES[operation]}`;

/** A quantile of the api's answers, in seconds: linear inside a bucket, as Prometheus takes it. */
export function latencyQuery(operation: ShopOperation, quantile: number, window: string): string {
  const rate = `rate(chaoslab_http_request_duration_seconds_bucket{${requestsOf(operation)}}[${window}])`;
  return `histogram_quantile(${quantile}, sum by (le) (${rate}))`;
}

/** Requests answered per second. @param more matchers, beginning with a comma. */
export function requestRateQuery(operation: ShopOperation, window: string, more = ""): string {
  return `sum(rate(chaoslab_http_requests_total{${requestsOf(operation)}${more}}[${window}]))`;
}

/**
 * The indicator: shares of 1, seconds for latencies, requests per second. Null for an operation of a scenario: only its
 * client counts that.
 * @param window of the rates, as Prometheus writes it: `1m`.
 */
export function promqlOf(sli: Sli, window: string): string | null {
  if (sli.source === "prometheus") return sli.query;
  if (sli.source === "metrics") {
    const of = (metric: string): string => (sli.value === "rate" ? `rate(${metric}[${window}])` : metric);
    return `${sli.across}(${of(sli.metric)})${sli.per === undefined ? "" : ` / ${sli.across}(${of(sli.per)})`}`;
  }
  const { operation, measure } = sli;
  if (!isShops(operation)) return null;
  const quantile = quantileOf(measure);
  if (quantile !== null) return latencyQuery(operation, quantile, window);
  // A status that nobody was answered with has no series, and nothing plus something would be nothing.
  const share = (status: string): string =>
    `(${requestRateQuery(operation, window, `,status=~"${status}"`)} or vector(0)) / ${requestRateQuery(operation, window)}`;
  switch (measure) {
    case "availability":
      return `1 - ${share("5..")}`;
    case "error_rate":
      return share("5..");
    case "degraded_rate":
      return share("202");
    default:
      return requestRateQuery(operation, window, ',status=~"2.."');
  }
}

/** A bound in the unit that Prometheus uses: seconds instead of milliseconds. */
export const inBaseUnit = (value: number, unit: Unit): number =>
  // 99.9 % has become 0.9990000000000001.
  Number((unit === "ms" ? value / 1_000 : value).toPrecision(12));

/** Suffix of a series in that unit. */
export const baseUnitOf: Readonly<Record<Unit, string>> = {
  share: "ratio",
  ms: "seconds",
  rps: "per_second",
  count: "count",
};
