/** CHAOS_LOG.md: every trial in the order it was run, with what nobody expected and what came of it. @module */
import type { FaultEvent } from "../../model/fault.ts";
import { markdownTable } from "../markdown.ts";
import { seconds } from "../text.ts";
import { type Entry, faultsText, integrityText, isOfShop } from "./entries.ts";
import { type Notes, noteLines } from "./notes.ts";

/** UTC, to the minute: when the fault began; without one, when the run did. */
const whenOf = (started: string, event: FaultEvent | null): string =>
  (event ? new Date(event.t_start).toISOString() : started).slice(0, 16).replace("T", " ");

export function chaosLog(entries: readonly Entry[], notes: Notes): string {
  const hasData = entries.some(isOfShop);
  const rows = entries.map(({ run, verdict, hypothesis, trial }) => [
    whenOf(run.document.started_at, verdict.fault_event),
    hypothesis.experiment ?? "-",
    trial,
    faultsText(hypothesis),
    verdict.expected?.join(" or ") ?? "-",
    `${verdict.result}${verdict.as_expected === false ? " !" : ""}`,
    seconds(verdict.mttr_s),
    ...(hasData ? [integrityText(verdict)] : []),
  ]);
  const names = [...new Set(entries.map(({ hypothesis }) => hypothesis.name))];
  const told = names.flatMap((name) => {
    const lines = noteLines(notes, name);
    const unexpected = entries.filter(
      ({ hypothesis, verdict }) => hypothesis.name === name && verdict.as_expected === false,
    );
    const seen = unexpected.map(
      ({ run, verdict }) =>
        `- ${run.document.run}: ${verdict.result} instead of ${verdict.expected?.join(" or ") ?? "-"}: ${verdict.reasons[0] ?? ""}`,
    );
    return lines.length + seen.length > 0 ? [`### ${name}\n\n${[...seen, ...lines].join("\n")}`] : [];
  });
  return `# Chaos log

${entries.length} trials of ${names.length} hypotheses, in the order they were run (begin of the fault, UTC). \`!\` marks what nobody expected.

${markdownTable({ heading: ["when", "", "trial", "fault", "expected", "result", ">MTTR", ...(hasData ? ["data"] : [])], rows })}

## Surprises

${told.join("\n\n") || "None."}
`;
}
