/** The live page and what it asks for. Who may ask is checked before, for all routes of the controller. @module */
import { Elysia, t } from "elysia";
import type { Lab } from "../../lab/lab.ts";
import { BadRequest } from "../errors.ts";
import type { Live } from "./live.ts";
import { LIVE_PAGE } from "./page.ts";
import { experimentsView, REPORT_POLICY, reportFile } from "./reports.ts";
import type { LogView } from "./wire.ts";

export interface LiveParts {
  lab: Lab;
  live: Live;
  schedulesDir: string;
  resultsDir: string;
}

const DEFAULT_LINES = 200;
const MOST_LINES = 2_000;

export function liveRoutes({ lab, live, schedulesDir, resultsDir }: LiveParts) {
  return new Elysia({ name: "live", normalize: false })
    .get("/", () => html(LIVE_PAGE.html, LIVE_PAGE.policy), { detail: { summary: "The live page" } })
    .get("/live/events", () => live.events(), {
      detail: {
        summary: "Server-sent events: snapshot, then tick once a second, and faults when one begins or ends",
      },
    })
    .get(
      "/live/logs/:node",
      async ({ params, query }): Promise<LogView> => {
        const node = lab.nodeNames.find((name) => name === params.node);
        if (!node) {
          throw new BadRequest({
            error: `no node ${JSON.stringify(params.node)} in lab ${lab.name}`,
            field: "node",
            accepted: lab.nodeNames,
          });
        }
        return { node, lines: await lab.logTail(node, query.lines ?? DEFAULT_LINES) };
      },
      {
        query: t.Object(
          { lines: t.Optional(t.Numeric({ minimum: 1, maximum: MOST_LINES, multipleOf: 1 })) },
          { additionalProperties: false },
        ),
        detail: { summary: "The last lines of a node's log" },
      },
    )
    .get("/live/experiments", () => experimentsView(schedulesDir, resultsDir), {
      detail: { summary: "Schedules with their last verdicts, and the newest runs" },
    })
    .get(
      "/results/:run/report.html",
      async ({ params }) => html(await Bun.file(reportFile(resultsDir, params.run)).text(), REPORT_POLICY),
      { detail: { summary: "The HTML report of a run" } },
    );
}

const html = (text: string, policy: string): Response =>
  new Response(text, {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  });
