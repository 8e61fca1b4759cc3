/**
 * What every service's HTTP side shares: metrics per route, errors as JSON, /metrics, and the switch of its mitigations.
 * @module
 */
import { Elysia, type ValidationError } from "elysia";
import { OverloadedError } from "../resilience/limiter.ts";
import { MITIGATIONS, MitigationsDocument } from "../resilience/mitigations.ts";
import { DependencyError, type DependencyFailure } from "./dependency.ts";
import { reasonOf } from "./log.ts";
import { NoSlotError } from "./pool.ts";
import type { Node } from "./service.ts";

/** One label for everything that matches no route, so that scanners cannot make new time series. */
const UNMATCHED = "(unmatched)";

/** Seconds after which a refused client may come again. */
const RETRY_AFTER_S = "1";

const STATUS: Readonly<Record<DependencyFailure, 502 | 503 | 504>> = {
  error: 502,
  unreachable: 503,
  timeout: 504,
  rejected: 503,
};

/** A plugin; must be used before the service's own routes. */
export function observed({ metrics, log, resilience }: Pick<Node, "metrics" | "log" | "resilience">) {
  const arrivals = new WeakMap<Request, number>();
  const { mitigations } = resilience;
  const switches = () => ({ mitigations: mitigations.names, accepted: MITIGATIONS });
  return new Elysia({ name: "observed" })
    .onRequest(({ request, status }) => {
      arrivals.set(request, performance.now());
      metrics.inFlight++;
      // Before whatever readiness waits for: a node that is going has nothing to find out.
      if (resilience.draining && request.url.endsWith("/readyz")) return status(503, { error: "draining" });
      return undefined;
    })
    .onError({ as: "global" }, ({ code, error, route, status, set }) => {
      if (code === "NOT_FOUND") return status(404, { error: "no such route" });
      if (code === "VALIDATION") return status(422, { error: whatIsWrong(error) });
      if (code === "PARSE") return status(400, { error: "the body is not valid JSON" });
      const answered = statusOf(error);
      log.repeating(answered === 500 ? "error" : "warn", "request failed", {
        route,
        status: answered,
        reason: reasonOf(error),
      });
      if (asksForPatience(error)) set.headers["retry-after"] = RETRY_AFTER_S;
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
    })
    .get("/mitigations", switches)
    .put(
      "/mitigations",
      ({ body, status }) => {
        try {
          mitigations.set(body.mitigations);
        } catch (error) {
          return status(422, { error: reasonOf(error) });
        }
        log.info("mitigations", { on: mitigations.names.join(",") });
        return switches();
      },
      { body: MitigationsDocument },
    );
}

function statusOf(error: unknown): 500 | 502 | 503 | 504 {
  if (error instanceof DependencyError) return STATUS[error.outcome];
  return error instanceof OverloadedError || error instanceof NoSlotError ? 503 : 500;
}

/** Refused without having been tried, or tried often enough. */
function asksForPatience(error: unknown): boolean {
  if (error instanceof DependencyError) return !error.retriable;
  return error instanceof OverloadedError || error instanceof NoSlotError;
}

/** E.g. `body/quantity: Expected integer`. */
function whatIsWrong({ type, valueError }: Pick<ValidationError, "type" | "valueError">): string {
  return valueError ? `${type}${valueError.path}: ${valueError.message}` : `${type} is not valid`;
}
