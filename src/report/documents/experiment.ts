/** experiment-<id>.md: the question, how it was put, and what came out. @module */
import { compareRuns } from "../../experiment/compare.ts";
import { blastRadiusOf, type Experiment } from "../../model/schedule.ts";
import { comparisonTable, headline } from "../comparison.ts";
import { markdownTable } from "../markdown.ts";
import { factsOf, isSystemKnown, tablesOf, verdictTable } from "../text.ts";
import { type Entry, integrityText, pairs, statementOf, systemText } from "./entries.ts";
import { type Notes, noteLines } from "./notes.ts";

/** @param entries of this experiment, one for each hypothesis. */
export function experimentDocument(
  id: string,
  { title, question }: Experiment,
  entries: readonly Entry[],
  notes: Notes,
): string {
  const compared = pairs(entries).flatMap(([before, after]) =>
    compareRuns(
      { document: before.run.document, hypothesis: before.hypothesis.name },
      { document: after.run.document, hypothesis: after.hypothesis.name },
    ),
  );
  return `${[
    `# ${id}: ${title}`,
    question?.trim() ?? "",
    markdownTable(verdictTable(entries.map(({ verdict }) => verdict))),
    ...compared.map((each) => `## ${headline(each)}\n\n${markdownTable(comparisonTable(each))}`),
    ...entries.map((entry) => trialSection(entry, notes)),
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

function trialSection({ hypothesis, verdict, run, trial }: Entry, notes: Notes): string {
  const { description, stop_condition } = hypothesis;
  const { baseline, fault, recovery } = verdict.phases;
  const length = (phase: readonly [number, number] | null): string =>
    phase ? `${phase[1] - phase[0]} s` : "none";
  const { document } = run;
  const { scenario } = verdict.load;
  return [
    `## ${hypothesis.name}: ${verdict.result}`,
    description?.trim() ?? "",
    [
      `- ${statementOf(hypothesis)}`,
      ...(!isSystemKnown(verdict) ? [] : [`- System: mitigations ${systemText(verdict.mitigations)}.`]),
      `- Blast radius allowed: ${blastRadiusOf(hypothesis, run.schedule).join(", ") || "none"}. Seen: ${verdict.blast_radius_endpoints.join(", ") || "none"}.`,
      stop_condition
        ? `- Abort: ${stop_condition.sli} ${stop_condition.threshold} for ${stop_condition.for_s} s.`
        : "- Abort: none of its own.",
      `- Method: ${document.rate} requests/s${scenario ? ` of scenario ${scenario}` : ""}; baseline ${length(baseline)}, fault ${length(fault)}, recovery ${length(recovery)}; seed ${document.seed}. Run: ${document.run}.`,
      ...(scenario ? [] : [`- Data: ${integrityText(verdict)}.`]),
      ...noteLines(notes, hypothesis.name),
    ].join("\n"),
    verdict.reasons.map((reason) => `- ${reason}`).join("\n"),
    `![${hypothesis.name} over time](charts/${trial}.svg)`,
    ...tablesOf(verdict).map(markdownTable),
    factsOf(verdict)
      .map(([label, text]) => `- ${label}: ${text}`)
      .join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
