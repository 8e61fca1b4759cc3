/**
 * What every service's HTTP side shares: metrics per route, errors as JSON, /metrics.
 * @module
 */
import { Elysia, type ValidationError } from "elysia";
import { DependencyError } from "./dependency.ts";
import { type Log, reasonOf } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** One label for everything that matches no route, so that scanners cannot make new time series. */
const UNMATCHED = "(unmatched)";

/** A plugin; must be used before the service's own routes. */
export function observed(metrics: Metrics, log: Log) {
  const arrivals = new WeakMap<Request, number>();
  return new Elysia({ name: "observed" })
    .onRequest(({ request }) => {
      arrivals.set(request, performance.now());
      metrics.inFlight++;
    })
    .onError({ as: "global" }, ({ code, error, route, status }) => {
      if (code === "NOT_FOUND") return status(404, { error: "no such route" });
      if (code === "VALIDATION") return status(422, { error: whatIsWrong(error) });
      if (code === "PARSE") return status(400, { error: "the body is not valid JSON" });
      const answered = error instanceof DependencyError ? (error.outcome === "error" ? 502 : 503) : 500;
      log.repeating(answered === 500 ? "error" : "warn", "request failed", {
        route,
        status: answered,
        reason: reasonOf(error),
      });
      return status(answered, { error: answered === 500 ? "internal error" : reasonOf(error) });
    })
    .onAfterResponse({ as: "global" }, ({ request, route, set }) => {
      const arrivedMs = arrivals.get(request);
      if (arrivedMs === undefined) return;
      metrics.inFlight--;
      metrics.answered(route || UNMATCHED, request.method, Number(set.status ?? 200), arrivedMs);
    })
    .get("/metrics", async ({ request, set }) => {
      // A scrape is not traffic: it would show up as a request in flight in every sample.
      if (arrivals.delete(request)) metrics.inFlight--;
      set.headers["content-type"] = metrics.registry.contentType;
      return metrics.registry.metrics();
    });
}

/** E.g. `body/quantity: Expected integer`. */
function whatIsWrong({ type, valueError }: Pick<ValidationError, "type" | "valueError">): string {
  return valueError ? `${type}${valueError.path}: ${valueError.message}` : `${type} is not valid`;
}
