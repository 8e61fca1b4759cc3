/** report.md of a run. @module */
import { type RunDocument, trialName } from "../experiment/store.ts";
import { type Hypothesis, type Schedule, specsOf } from "../model/schedule.ts";
import type { Verdict } from "../model/verdict.ts";
import { factsOf, stabilityTable, type Table, tablesOf, verdictTable } from "./text.ts";

export function markdownTable({ heading, rows }: Pick<Table, "heading" | "rows">): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const names = heading.map((name) => name.replace(/^>/, ""));
  return [
    line(names),
    line(heading.map((name) => (name.startsWith(">") ? "---:" : "---"))),
    ...rows.map(line),
  ].join("\n");
}

const span = (phase: [number, number] | null): string =>
  phase ? `second ${phase[0]} to ${phase[1]} (${phase[1] - phase[0]} s)` : "not reached";

export const HOW_TO_READ =
  "Latency counts from the instant a request was meant to be sent. A request without an answer ranks above every answered one; " +
  "where a quantile falls among those it shows the client's timeout. p99 is over all requests that arrived in the phase, never a mean of " +
  "smaller p99s. MTTR runs from the fault's removal until every SLI is back inside its steady bound and stays there. `!` marks a value out of its bound. " +
  "The shift is Hodges and Lehmann's estimate of how far the seconds of the fault lie above those of the baseline; the test is Mann and Whitney's U with a " +
  "variance widened by how far seconds follow each other. The error budget is what the steady objective allows in 30 days at this rate, or as the schedule says.";

export function environmentTable({ environment, started_at, seed, rate, profile }: RunDocument) {
  return {
    heading: ["what", "value"],
    rows: [
      ["started", started_at],
      ["seed", String(seed)],
      ["rate", `${rate} requests/s`],
      ["profile", profile],
      ...Object.entries(environment).map(([key, value]) => [key, String(value)]),
    ],
  };
}

/** What runs it again, given the run's schedule.yaml. */
export const commandOf = ({ profile, rate, seed, repeats }: RunDocument): string =>
  `chaoslab run schedule.yaml --profile ${profile} --rate ${rate} --seed ${seed}${repeats > 1 ? ` --repeats ${repeats}` : ""}`;

export function markdownReport(document: RunDocument, schedule: Schedule): string {
  const { verdicts, repeats, stability, state } = document;
  return `${[
    `# ${document.run}`,
    schedule.description?.trim() ?? "",
    state === "complete" ? "" : `This run was not completed: ${state}.`,
    markdownTable(verdictTable(verdicts, repeats)),
    stability.length > 0 ? `How far the repeats agree:\n\n${markdownTable(stabilityTable(stability))}` : "",
    ...verdicts.map((verdict) => section(verdict, schedule, repeats)),
    "## How to read it",
    HOW_TO_READ,
    "## Environment",
    markdownTable(environmentTable(document)),
    `Command: \`${commandOf(document)}\` with the schedule.yaml of this folder.`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

function section(verdict: Verdict, schedule: Schedule, repeats: number): string {
  const hypothesis = schedule.hypotheses.find((each) => each.name === verdict.hypothesis);
  const name = trialName(verdict.hypothesis, verdict.repeat, repeats);
  const facts = factsOf(verdict).map(([label, text]) => `- ${label}: ${text}`);
  const forced = verdict.fault_events.flatMap(({ fault_type, target, backend, t_start, t_stop }) =>
    t_stop === null
      ? []
      : [
          `- ${fault_type} on ${target} by ${backend}, in force from ${new Date(t_start).toISOString()} to ${new Date(t_stop).toISOString()}`,
        ],
  );
  return [
    `## ${name}: ${verdict.result}`,
    hypothesis ? statement(hypothesis, verdict) : "",
    verdict.reasons.map((reason) => `- ${reason}`).join("\n"),
    `![SLIs over time](chart-${name}.svg)`,
    ...tablesOf(verdict).map(markdownTable),
    [
      ...facts,
      ...forced,
      `- baseline: ${span(verdict.phases.baseline)}; fault: ${span(verdict.phases.fault)}; recovery: ${span(verdict.phases.recovery)}`,
    ].join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function statement(hypothesis: Hypothesis, { sli }: Verdict): string {
  const { description, steady_state, slo_threshold } = hypothesis;
  const what = specsOf(hypothesis)
    .map(({ type, target, params, at_s = 0 }) => {
      const when = at_s > 0 ? ` after ${at_s} s` : "";
      return `\`${type}\` ${JSON.stringify(params)} on ${target}${when}`;
    })
    .join(" and ");
  return `${description ? `${description.trim()} ` : ""}Hypothesis: with ${what}, ${sli} goes from ${steady_state} to no worse than ${slo_threshold}, and every other SLO holds.`;
}
