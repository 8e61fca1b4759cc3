/**
 * Serves what its sources tell, asked anew at each scrape.
 * @module
 */
import { Samples, type Source } from "./samples.ts";

/** The text of one scrape. */
export async function scrape(sources: readonly Source[]): Promise<string> {
  const samples = new Samples();
  await Promise.all(sources.map((source) => source.collect(samples)));
  return await samples.registry.metrics();
}

/** Answers `GET /metrics` and, for health checks, `GET /healthz`. */
export function handler(sources: readonly Source[]): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return Response.json({ status: "ok" });
    if (pathname !== "/metrics") return Response.json({ error: "no such route" }, { status: 404 });
    return new Response(await scrape(sources), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  };
}
