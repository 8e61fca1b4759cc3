/**
 * Requests to another service: plain fetch on kept-alive connections.
 * @module
 */
import { DependencyError } from "./dependency.ts";
import { reasonOf } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface Answer {
  status: number;
  /** Body text. */
  body: string;
  /** What the answer says of being less than was asked for (header `X-Degraded`); null: nothing. */
  degraded: string | null;
}

export interface Call {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Gives the call up. Without one it has no end. */
  signal?: AbortSignal | undefined;
}

/** One attempt: an answer below 500, or a {@link DependencyError}. Counted and timed under `dependency`. */
export function request(metrics: Metrics, dependency: string, url: string, call: Call = {}): Promise<Answer> {
  return metrics.attempt(dependency, async () => {
    const response = await exchange(url, call).catch((error: unknown) => {
      throw failureOf(dependency, error, call.signal);
    });
    const { status, body, degraded, retryAfter } = response;
    if (status < 500) return { status, body, degraded };
    // RFC 9110, 10.2.3: whoever says when to come again does not want to be asked at once.
    if (status === 503 && retryAfter) throw new DependencyError(dependency, "rejected", "it refuses for now");
    const outcome = status === 504 ? "timeout" : "error";
    throw new DependencyError(dependency, outcome, `status ${status}`, false, retryAfter);
  });
}

function failureOf(dependency: string, error: unknown, signal: AbortSignal | undefined): DependencyError {
  if (signal?.aborted) return new DependencyError(dependency, "timeout", "no answer in time");
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const refused = code === "ConnectionRefused" || code === "ECONNREFUSED";
  return new DependencyError(dependency, "unreachable", reasonOf(error), refused);
}

interface Exchanged extends Answer {
  retryAfter: boolean;
}

async function exchange(
  url: string,
  { method = "GET", headers = {}, json, signal }: Call,
): Promise<Exchanged> {
  const init: RequestInit = { method, headers };
  if (signal) init.signal = signal;
  if (json !== undefined) {
    init.headers = { ...headers, "content-type": "application/json" };
    init.body = JSON.stringify(json);
  }
  const response = await fetch(url, init);
  return {
    status: response.status,
    body: await response.text(),
    degraded: response.headers.get("x-degraded"),
    retryAfter: response.headers.has("retry-after"),
  };
}
