/**
 * The controller over HTTP: its API, and the live page. It listens where the caller tells it, checks a token where there
 * is one, and touches only nodes of its lab.
 * @module
 */
import { openapi } from "@elysia/openapi";
import { Elysia, t, type ValidationError } from "elysia";
import { ChaoslabError } from "../cli/errors.ts";
import { carriesToken } from "../cli/token.ts";
import type { Keeper } from "../faults/keeper.ts";
import { type Lab, requireProxies } from "../lab/lab.ts";
import { nodesNamedBy } from "../model/params.ts";
import { VERSION } from "../version.ts";
import { BadRequest, problemOf } from "./errors.ts";
import { experiments } from "./experiments.ts";
import type { Live } from "./live/live.ts";
import { liveRoutes } from "./live/routes.ts";
import { faultMetrics } from "./metrics.ts";
import type { Observer } from "./observer.ts";
import { checkInjectBody, InjectBody } from "./request.ts";

export interface ControllerParts {
  lab: Lab;
  keeper: Keeper;
  observer: Observer;
  live: Live;
  /** Every request but for the page itself must carry it as a bearer token; null: none is needed. */
  token: string | null;
  /** Which names of this host a request may ask for; null: any. */
  hosts: ((name: string) => boolean) | null;
  schedulesDir: string;
  resultsDir: string;
}

/** How long a revert waits to see the recovery, in seconds: at most, less than a connection may idle. */
const DEFAULT_WAIT_S = 30;
const LONGEST_WAIT_S = 240;

/** On every answer: what browsers are not to make of it. */
const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
} as const;

export function controller(parts: ControllerParts) {
  const { lab, keeper, observer, schedulesDir, resultsDir } = parts;
  return new Elysia({ normalize: false })
    .headers(HEADERS)
    .use(
      openapi({
        provider: null,
        documentation: { info: { title: "chaoslab controller", version: VERSION } },
      }),
    )
    .onRequest(({ request, set }) => {
      const problem = refusal(request, parts);
      if (!problem) return;
      set.status = problem.status;
      return Response.json({ error: problem.error }, { status: problem.status, headers: HEADERS });
    })
    .onError({ as: "global" }, ({ code, error, status }) => {
      if (error instanceof BadRequest) return status(400, error.problem);
      if (error instanceof ChaoslabError) {
        const { status: answer, body } = problemOf(error);
        return status(answer as 400, body);
      }
      if (code === "NOT_FOUND") return status(404, { error: "no such route" });
      if (code === "PARSE") return status(400, { error: "the body is not valid JSON" });
      if (code === "VALIDATION") return status(400, { error: whatIsWrong(error) });
      return status(500, { error: "internal error" });
    })
    .get("/healthz", () => ({ status: "ok", lab: lab.name }))
    .post(
      "/chaos/inject",
      async ({ body, status }) => {
        const { duration_s, ...fault } = checkInjectBody(body);
        const named = nodesNamedBy(fault.params).map(({ field, node }) => ({
          field: `params.${field}`,
          node,
        }));
        for (const { field, node } of [{ field: "target", node: fault.target }, ...named]) {
          if (lab.places.includes(node)) continue;
          throw new BadRequest({
            error: `no node ${JSON.stringify(node)} in lab ${lab.name}`,
            field,
            accepted: lab.places,
          });
        }
        if (fault.type === "toxic") await requireProxies(lab);
        const event = await keeper.inject({
          fault,
          ...(await lab.targetsOf(fault)),
          durationMs: duration_s * 1000,
        });
        return status(201, event);
      },
      // The schema is for the document; what is wrong is said by checkInjectBody, in one line with what is accepted.
      { detail: { summary: "Inject a fault", requestBody: bodyDocument() } },
    )
    .post(
      "/chaos/revert/:id",
      async ({ params, query, body }) => {
        refuseBody(body, "wait_s is a query parameter");
        const event = await keeper.revert(params.id);
        const wait = query.wait_s ?? DEFAULT_WAIT_S;
        return { ...event, mttr_s: await observer.recovery(event.t_stop ?? Date.now(), wait * 1000) };
      },
      {
        query: t.Object(
          { wait_s: t.Optional(t.Numeric({ minimum: 0, maximum: LONGEST_WAIT_S })) },
          { additionalProperties: false },
        ),
        detail: {
          summary: "Revert one fault; mttr_s is null without a load or without recovery within wait_s",
        },
      },
    )
    .post(
      "/chaos/revert",
      async ({ status, body }) => {
        // Perhaps one fault is named in it: then the others must stay.
        refuseBody(body, "POST /chaos/revert/{id} reverts one fault");
        const { reverted, failed } = await keeper.revertAll();
        if (failed.length === 0) return { reverted };
        const ids = failed.map(({ id }) => id).join(", ");
        return status(503, { error: `could not be reverted: ${ids}`, reverted, failed });
      },
      { detail: { summary: "Revert every fault of the lab; 503 names those that could not be" } },
    )
    .get("/chaos/faults", async () => ({ active: await keeper.active(), past: keeper.past }), {
      detail: { summary: "Active faults, and those reverted under this controller" },
    })
    .get("/chaos/experiments", () => ({ experiments: experiments(schedulesDir, resultsDir) }), {
      detail: { summary: "Committed schedules with their last verdicts" },
    })
    .get("/metrics", async ({ set }) => {
      set.headers["content-type"] = "text/plain; version=0.0.4; charset=utf-8";
      return faultMetrics(await keeper.active(), keeper.past);
    })
    .use(liveRoutes(parts));
}

/** E.g. `query/wait_s: Expected number to be less or equal to 300`. */
function whatIsWrong({ type, valueError }: Pick<ValidationError, "type" | "valueError">): string {
  return valueError ? `${type}${valueError.path}: ${valueError.message}` : `${type} is not valid`;
}

/** @throws {BadRequest} when there is anything in the body. */
function refuseBody(body: unknown, hint: string): void {
  const empty = typeof body !== "object" || body === null ? !body : Object.keys(body).length === 0;
  if (!empty) throw new BadRequest({ error: "a revert takes no body", hint });
}

function bodyDocument() {
  return {
    required: true,
    content: { "application/json": { schema: JSON.parse(JSON.stringify(InjectBody)) } },
  };
}

/** Who may not speak to us at all: the wrong token, or a page of another site in somebody's browser. */
function refusal(
  request: Request,
  { token, hosts }: Pick<ControllerParts, "token" | "hosts">,
): { status: 401 | 403 | 415; error: string } | null {
  const origin = request.headers.get("origin");
  const asked = new URL(request.url);
  // A name of another site can be made to lead here (DNS rebinding): then its pages have the same origin.
  if (
    (origin !== null && origin !== asked.origin) ||
    hosts?.(asked.hostname.replace(/^\[|\]$/g, "")) === false
  ) {
    return { status: 403, error: "requests from other sites are not accepted" };
  }
  // The page holds no data, and a link to it carries no token: it asks for it.
  const isPage = request.method === "GET" && asked.pathname === "/";
  if (!isPage && !carriesToken(request, token)) {
    return { status: 401, error: "a bearer token is needed" };
  }
  const type = request.headers.get("content-type");
  if (request.method === "POST" && type !== null && !/^application\/json\b/i.test(type)) {
    return { status: 415, error: "the body must be application/json" };
  }
  return null;
}
