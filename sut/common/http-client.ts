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
}

export interface Call {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
}

/** One attempt: an answer below 500, or a {@link DependencyError}. Counted and timed under `dependency`. */
export function request(metrics: Metrics, dependency: string, url: string, call: Call = {}): Promise<Answer> {
  return metrics.attempt(dependency, async () => {
    const answer = await exchange(url, call).catch((error: unknown) => {
      throw new DependencyError(dependency, "unreachable", reasonOf(error));
    });
    if (answer.status >= 500) throw new DependencyError(dependency, "error", `status ${answer.status}`);
    return answer;
  });
}

async function exchange(url: string, { method = "GET", headers = {}, json }: Call): Promise<Answer> {
  const init: RequestInit = { method, headers };
  if (json !== undefined) {
    init.headers = { ...headers, "content-type": "application/json" };
    init.body = JSON.stringify(json);
  }
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}
