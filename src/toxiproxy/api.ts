/**
 * The HTTP API, by the wire contract of Toxiproxy 2 (https://github.com/Shopify/toxiproxy#http-api).
 *
 * Routed by hand: Toxiproxy reads every body as JSON whatever its Content-Type says, as `curl -d` relies on.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { reasonOf } from "../cli/errors.ts";
import { VERSION } from "../version.ts";
import { ApiError } from "./errors.ts";
import { parseBody } from "./fields.ts";
import { metricsOf } from "./metrics.ts";
import type { Proxies } from "./proxies.ts";
import { describeToxic, type TcpProxy } from "./proxy.ts";

/** The release of Toxiproxy whose contract this is, with ours as semantic versioning's build metadata. */
export const API_VERSION = `2.12.0+chaoslab.${VERSION}`;

/** Bytes. Thousands of proxies fit. */
export const MAX_BODY = 1024 * 1024;

export type Handler = (request: Request) => Promise<Response>;

interface Call {
  request: Request;
  /** The named parts of the path. */
  proxy: string;
  toxic: string;
}

type Route = (call: Call) => Response | Promise<Response>;

const NO_CONTENT = (): Response => new Response(null, { status: 204 });

/** Answers every request, whatever it is. With a token, only those that carry it. */
export function createApi(proxies: Proxies, token: string | null): Handler {
  const routes = routesOf(proxies);
  return async (request) => {
    try {
      refuseBrowsers(request);
      if (token !== null) requireToken(request, token);
      return await route(routes, request);
    } catch (error) {
      return errorResponse(error);
    }
  };
}

function routesOf(proxies: Proxies): Readonly<Record<string, Readonly<Record<string, Route>>>> {
  const registry = metricsOf(proxies);
  const described = (proxy: TcpProxy, status = 200): Response => Response.json(proxy.describe(), { status });
  const configure: Route = async ({ request, proxy }) => {
    proxies.get(proxy);
    return described(await proxies.configure(proxy, await bodyOf(request)));
  };
  const updateToxic: Route = async ({ request, proxy, toxic }) => {
    proxies.toxic(proxy, toxic);
    return Response.json(describeToxic(proxies.updateToxic(proxy, toxic, await bodyOf(request))));
  };
  return {
    "/proxies": {
      GET: () =>
        Response.json(Object.fromEntries(proxies.all().map((proxy) => [proxy.name, proxy.describe()]))),
      POST: async ({ request }) => described(await proxies.create(await bodyOf(request)), 201),
    },
    "/populate": { POST: async ({ request }) => populate(proxies, await bodyOf(request)) },
    "/reset": {
      POST: () => {
        proxies.reset();
        return NO_CONTENT();
      },
    },
    "/proxies/:proxy": {
      GET: ({ proxy }) => described(proxies.get(proxy)),
      POST: configure,
      PATCH: configure,
      DELETE: ({ proxy }) => {
        proxies.delete(proxy);
        return NO_CONTENT();
      },
    },
    "/proxies/:proxy/toxics": {
      GET: ({ proxy }) => Response.json(proxies.get(proxy).describe().toxics),
      POST: async ({ request, proxy }) => {
        proxies.get(proxy);
        return Response.json(describeToxic(proxies.addToxic(proxy, await bodyOf(request))));
      },
    },
    "/proxies/:proxy/toxics/:toxic": {
      GET: ({ proxy, toxic }) => Response.json(describeToxic(proxies.toxic(proxy, toxic))),
      POST: updateToxic,
      PATCH: updateToxic,
      DELETE: ({ proxy, toxic }) => {
        proxies.removeToxic(proxy, toxic);
        return NO_CONTENT();
      },
    },
    "/version": { GET: () => Response.json({ version: API_VERSION }) },
    "/metrics": {
      GET: async () =>
        new Response(await registry.metrics(), { headers: { "Content-Type": registry.contentType } }),
    },
  };
}

async function populate(proxies: Proxies, body: unknown): Promise<Response> {
  const done: TcpProxy[] = [];
  let failure: ApiError | null = null;
  try {
    await proxies.populate(body, done);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure = error;
  }
  const answer = { proxies: done.map((proxy) => proxy.describe()) };
  if (!failure) return Response.json(answer, { status: 201 });
  const { message, status } = failure;
  return Response.json({ error: message, status, ...answer }, { status });
}

async function route(routes: ReturnType<typeof routesOf>, request: Request): Promise<Response> {
  const parts = new URL(request.url).pathname.split("/").slice(1).map(decoded);
  const [first = "", proxy = "", third, toxic = ""] = parts;
  const pattern =
    first === "proxies" && parts.length > 1 && parts.length <= 4 && proxy !== ""
      ? ["/proxies/:proxy", third, parts.length > 3 && toxic !== "" ? ":toxic" : parts[3]]
          .filter((part) => part !== undefined)
          .join("/")
      : `/${parts.join("/")}`;
  const methods = Object.hasOwn(routes, pattern) ? routes[pattern] : undefined;
  if (!methods) throw new ApiError(404, "404 page not found");
  const handle = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
  if (handle) return handle({ request, proxy, toxic });
  const refusal = errorResponse(new ApiError(405, "method not allowed"));
  refusal.headers.set("Allow", Object.keys(methods).join(", "));
  return refusal;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function bodyOf(request: Request): Promise<unknown> {
  const tooLarge = new ApiError(413, `request body too large: at most ${MAX_BODY} bytes`);
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BODY) throw tooLarge;
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY) throw tooLarge;
  return parseBody(new TextDecoder().decode(bytes));
}

/** A page in a browser could otherwise reach the API of whoever looks at it. */
function refuseBrowsers(request: Request): void {
  if (request.headers.get("User-Agent")?.startsWith("Mozilla/")) {
    throw new ApiError(403, "User agent not allowed");
  }
}

function requireToken(request: Request, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1] ?? "";
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  if (!timingSafeEqual(digest(given), digest(token))) throw new ApiError(401, "unauthorized");
}

function errorResponse(error: unknown): Response {
  const { message, status } =
    error instanceof ApiError ? error : new ApiError(500, `internal error: ${reasonOf(error)}`);
  const response = Response.json({ error: message, status }, { status });
  if (status === 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}
