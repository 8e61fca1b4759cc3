/** The verdict as a person reads it in a terminal. @module */
import { painter, table } from "../cli/terminal.ts";
import { type RunDocument, trialName } from "../experiment/store.ts";
import { factsOf, RESULT_COLOUR, stabilityTable, type Table, tablesOf, verdictTable } from "./text.ts";

/** A table in columns. */
export function textTable({ heading, rows }: Pick<Table, "heading" | "rows">): string {
  const names = heading.map((name) => name.replace(/^>/, ""));
  return table(
    [names, ...rows],
    heading.map((name) => (name.startsWith(">") ? "right" : "left")),
  );
}

export function terminalReport(document: RunDocument, stream: { isTTY?: boolean }): string {
  const paint = painter(stream);
  const { verdicts, repeats, stability, folder } = document;
  const blocks = verdicts.map((verdict) => {
    const name = trialName(verdict.hypothesis, verdict.repeat, repeats);
    const facts = factsOf(verdict).map(([label, text]) => `  ${label.padEnd(9)} ${text}`);
    return [
      [
        `${paint("bold", name)}: ${paint(RESULT_COLOUR[verdict.result], verdict.result.toUpperCase())}`,
        ...verdict.reasons.map((reason) => `  - ${reason}`),
      ].join("\n"),
      ...tablesOf(verdict).map((each) => indent(textTable(each))),
      facts.join("\n"),
    ].join("\n\n");
  });
  return `${[
    ...blocks,
    textTable(verdictTable(verdicts, repeats)),
    ...(stability.length > 0 ? [textTable(stabilityTable(stability))] : []),
    `kept in ${folder}`,
  ].join("\n\n")}\n`;
}

const indent = (text: string): string => text.replace(/^/gm, "  ");
