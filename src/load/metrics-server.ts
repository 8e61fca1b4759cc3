/** Serves a running load's metrics to whoever scrapes them. @module */

import { type Address, formatAddress } from "../cli/address.ts";
import { listening } from "../cli/listen.ts";
import { carriesToken } from "../cli/token.ts";
import type { LoadMetrics } from "./metrics.ts";

export interface MetricsServer extends Disposable {
  readonly url: string;
}

/** @throws ChaoslabError `addressInUse` or `usage` when the address cannot be had. */
export function serveMetrics(metrics: LoadMetrics, address: Address, token: string | null): MetricsServer {
  const { host: hostname, port } = address;
  const fetch = async (request: Request): Promise<Response> => {
    if (!carriesToken(request, token)) return refusal(401, "a bearer token is needed");
    if (new URL(request.url).pathname !== "/metrics") return refusal(404, "no such route: GET /metrics");
    if (request.method !== "GET") return refusal(405, "only GET /metrics");
    const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    return new Response(await metrics.text(), { headers });
  };
  const server = listening("load", formatAddress(address), () =>
    Bun.serve({ hostname, port, fetch, reusePort: false, development: false }),
  );
  return {
    url: `http://${formatAddress({ host: hostname, port: server.port ?? port })}/metrics`,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const refusal = (status: number, error: string): Response => Response.json({ error }, { status });
