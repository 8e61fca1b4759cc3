/** The head of the page: what was run, what came out, and the way to each trial. @module */
import { type RunDocument, stateOf } from "../../experiment/store.ts";
import { RESULTS } from "../../model/verdict.ts";
import type { Entry } from "../documents/entries.ts";
import { stabilityTable, verdictTable } from "../text.ts";
import { anchorOf } from "./anchor.ts";
import { html, type Markup, tableOf } from "./markup.ts";
import { badge, RESULT_MARKS } from "./result.ts";

/** Sections after the verdicts: the id of their heading, and its text. */
export const SECTIONS = [
  ["recovery", "Recovery"],
  ["overlay", "Before and after"],
  ["amplification", "Retry amplification"],
  ["trials", "Trials"],
  ["environment", "Environment"],
] as const;

/** @param body the sections, for those of them that are there. */
export function navigation(entries: readonly Entry[], body: Markup): Markup {
  const sections = SECTIONS.filter(([id]) => body.text.includes(`<h2 id="${id}">`));
  const trials = entries.map(
    (entry) =>
      html`<li><a href="#${anchorOf(entry)}"><span class="mark ${entry.verdict.result}" title="${entry.verdict.result}">${RESULT_MARKS[entry.verdict.result]}</span> ${entry.trial}</a></li>
`,
  );
  return html`<nav aria-label="Contents">
<ul><li><a href="#verdicts">Verdicts</a></li>${sections.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul>
${trials.length > 1 ? html`<ul class="trials">${trials}</ul>` : null}
</nav>
`;
}

export function header(title: string, documents: readonly RunDocument[], description: string): Markup {
  return html`<header>
<h1>${title}</h1>
${description === "" ? null : html`<p>${description}</p>`}
${documents.map(runLine)}
</header>
`;
}

function runLine(document: RunDocument): Markup {
  const { run, started_at, rate, profile, seed } = document;
  const state = stateOf(document);
  return html`<p class="note">${run}: ${started_at.slice(0, 16).replace("T", " ")} UTC, ${rate} requests/s, profile ${profile}, seed ${seed}${
    state === "complete" ? null : html`. <strong>This run was not completed: ${state}.</strong>`
  }</p>
`;
}

export function verdictSection(entries: readonly Entry[], documents: readonly RunDocument[]): Markup {
  const counts = RESULTS.toReversed().flatMap((result) => {
    const count = entries.filter(({ verdict }) => verdict.result === result).length;
    return count === 0 ? [] : [badge(result, `${count} ${result}`), " "];
  });
  const { heading, rows } = verdictTable(entries.map(({ verdict }) => verdict));
  // Instead of the mechanism, which stands with the evidence: why.
  const table = {
    title: "each trial",
    heading: [...heading.slice(0, -1), "why"],
    rows: rows.map((cells, i) => [
      entries[i]?.trial ?? "",
      ...cells.slice(1, -1),
      entries[i]?.verdict.reasons[0] ?? "",
    ]),
  };
  const repeated = documents.flatMap(({ stability }) => stability);
  return html`<section aria-labelledby="verdicts">
<h2 id="verdicts">Verdicts</h2>
<p class="counts">${counts}</p>
${tableOf(table, (text, row, column) => {
  const entry = entries[row];
  if (!entry || column > 1) return text;
  return column === 0 ? html`<a href="#${anchorOf(entry)}">${text}</a>` : badge(entry.verdict.result, text);
})}
${repeated.length > 0 ? tableOf(stabilityTable(repeated)) : null}</section>
`;
}
