/**
 * The request sequence as text, for eyes and diffs: what a load will send, without sending it.
 * @module
 */
import { type Arrivals, createArrivals } from "./arrivals.ts";
import { createMix, tenantName } from "./mix.ts";
import type { LoadOptions } from "./run.ts";

/** Endless lines of tab-separated index, intended time in ms, operation, tenant, path and body. */
export function* scheduleLines(
  options: Omit<LoadOptions, "target" | "durationMs" | "timeoutMs" | "maxConnections">,
): Generator<string, never> {
  const nextArrival: Arrivals = createArrivals(options.arrivals, options.rate, options.seed);
  const mix = createMix(options);
  for (let index = 0; ; index++) {
    const { method, path, body, tenant } = mix(index);
    const columns = [index, nextArrival().toFixed(3), method, tenantName(tenant), path];
    if (body !== null) columns.push(body);
    yield columns.join("\t");
  }
}
