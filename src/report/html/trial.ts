/** One trial: its verdict first, then its curves, who felt it, and the evidence. @module */
import type { Verdict } from "../../model/verdict.ts";
import { type Entry, statementOf, systemText } from "../documents/entries.ts";
import { isSystemKnown, isWorthARow, seconds, tablesOf } from "../text.ts";
import { amplificationTable } from "./amplification.ts";
import { anchorOf } from "./anchor.ts";
import type { TrialCurves } from "./data.ts";
import type { Drawing } from "./drawing.ts";
import { evidence } from "./evidence.ts";
import { chartFigure } from "./figure.ts";
import { html, type Markup, tableOf } from "./markup.ts";
import { badge } from "./result.ts";
import { tenantMatrix } from "./tenants.ts";

/**
 * @param drawing null: the trial's record is not there.
 * @param place of its curves in the page's data.
 * @param open whether it is shown in full from the start.
 */
export function trialSection(entry: Entry, drawing: Drawing | null, place: number, open: boolean): Markup {
  const { verdict, hypothesis, trial } = entry;
  const tables = new Map(tablesOf(verdict).map((table) => [table.title, table]));
  const table = (title: string): Markup | null => {
    const of = tables.get(title);
    return of ? tableOf(of) : null;
  };
  const unexpected =
    verdict.as_expected === false
      ? html` <span class="badge plain">expected ${verdict.expected?.join(" or ") ?? null}</span>`
      : null;
  return html`<details class="trial" id="${anchorOf(entry)}"${open ? html` open` : null}>
<summary><h3>${trial}</h3> ${badge(verdict.result)}${unexpected} <span class="why">${verdict.reasons[0] ?? null}</span></summary>
<p>${hypothesis.description?.trim() ?? null} ${statementOf(hypothesis)}${isSystemKnown(verdict) ? ` Mitigations: ${systemText(verdict.mitigations)}.` : null}</p>
<ul class="reasons">${verdict.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
${mttr(verdict)}
${table("SLIs")}
${drawing ? charts(drawing.curves, place) : html`<p class="note">There are no curves: the trial's record is not in the run's folder.</p>`}
${drawing ? tenantMatrix(drawing.tenants, verdict.load.timeout_ms) : null}
${table("blast radius")}
${amplificationTable(verdict.amplification.filter(isWorthARow))}
${table("pools")}${table("breakers")}${table("limiters")}
${evidence(verdict)}
</details>
`;
}

/** From the fault's begin to the system being itself again, in its three parts. */
function mttr({ mttr: { detect_s, revert_s, recover_s }, fault_events }: Verdict): Markup | null {
  if (fault_events.length === 0) return null;
  const part = (name: string, value: string): Markup =>
    html`<li><span>${name}</span> <strong>${value}</strong></li>`;
  return html`<ul class="mttr" aria-label="MTTR">
${part("detected after", detect_s === null ? "nothing to detect" : seconds(detect_s))}
${part("reverted in", seconds(revert_s))}
${part("back after", seconds(recover_s))}
</ul>`;
}

function charts({ endpoints, pools, servers, fault }: TrialCurves, trial: number): Markup {
  const figures = [
    ...endpoints.map(({ name }, part) =>
      chartFigure({ kind: "latency", trial, part }, `${name}: latency from the intended send time`),
    ),
    ...endpoints.map(({ name }, part) =>
      chartFigure({ kind: "availability", trial, part }, `${name}: availability, share that ended well`),
    ),
    chartFigure({ kind: "rate", trial }, "requests per second: asked, done, failed"),
    ...(fault
      ? [
          chartFigure(
            { kind: "recovery", trial },
            "recovery: furthest SLI, as a multiple of its steady bound",
          ),
        ]
      : []),
    ...(pools.length > 0
      ? [chartFigure({ kind: "pools", trial }, "busiest pools: slots in use, share")]
      : []),
    ...(pools.some(({ waiting }) => waiting.some((n) => (n ?? 0) > 0))
      ? [chartFigure({ kind: "waiting", trial }, "busiest pools: waiting for a slot")]
      : []),
    ...servers.map(({ name }, part) =>
      chartFigure({ kind: "server", trial, part }, `${name}, as the servers count it`),
    ),
    ...endpoints.map(({ name }, part) =>
      chartFigure({ kind: "percentiles", trial, part }, `${name}: latency by percentile, in each window`),
    ),
  ];
  return html`<div class="charts">
${figures}</div>`;
}
