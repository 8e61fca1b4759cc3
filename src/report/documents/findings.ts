/**
 * findings.md: what the system absorbed (resilience) and what it left and came back from (recovery), with numbers.
 * @module
 */
import type { Experiment } from "../../model/schedule.ts";
import { showSli } from "../../model/sli.ts";
import type { Result, Verdict } from "../../model/verdict.ts";
import { markdownTable } from "../markdown.ts";
import { isSystemKnown, seconds } from "../text.ts";
import { type Entry, faultsText, integrityText, isOfShop, pairs, systemText, violated } from "./entries.ts";
import { type Notes, noteLines } from "./notes.ts";

const inFault = ({ slis, load }: Verdict, name: string): string => {
  const outcome = slis.find(({ sli }) => sli === name);
  return outcome ? showSli(outcome.fault, outcome.unit, load.timeout_ms) : "-";
};

interface Column {
  heading: string;
  of: (entry: Entry) => string;
}

const SHOP_COLUMNS: readonly Column[] = (
  [
    [">write p99", "write_p99"],
    [">write errors", "write_error_rate"],
    [">reads", "read_availability"],
  ] as const
).map(([heading, sli]) => ({ heading, of: ({ verdict }) => inFault(verdict, sli) }));

const SCENARIO_COLUMN: Column = {
  heading: ">its SLI",
  of: (entry) =>
    isOfShop(entry) ? "-" : `${entry.verdict.sli} ${inFault(entry.verdict, entry.verdict.sli)}`,
};

/** SLIs in the fault: the shop's known ones, of other systems what each hypothesis is about. */
const columnsOf = (entries: readonly Entry[]): readonly Column[] => [
  ...(entries.some(isOfShop) ? SHOP_COLUMNS : []),
  ...(entries.every(isOfShop) ? [] : [SCENARIO_COLUMN]),
];

/** Of orders and money; empty where no trial had any. */
function dataLine(entries: readonly Entry[]): string {
  if (!entries.some(isOfShop)) return "";
  const broken = entries.filter(({ verdict }) => violated(verdict).length > 0);
  if (broken.length === 0) return "No order and no money was lost in any of them.\n";
  const each = broken.map(
    ({ hypothesis, verdict }) => `${hypothesis.name} (${violated(verdict).join(", ")})`,
  );
  return `Data were broken in ${broken.length}: ${each.join("; ")}.\n`;
}

const WORDS: Readonly<Record<Result, readonly [heading: string, text: string]>> = {
  held: ["Absorbed", "Nothing left its SLO while the fault was there: resilience."],
  degraded: ["Healed", "An SLO was left, and came back by itself: recovery."],
  failed: ["Neither", "It cascaded, did not come back, or data were broken."],
  inconclusive: ["Not known", "The experiment proves nothing, for the reason given."],
};

/** @param entries one for each hypothesis. */
export function findings(
  entries: readonly Entry[],
  experiments: Readonly<Record<string, Experiment>>,
  notes: Notes,
): string {
  const count = (result: Result): number => entries.filter(({ verdict }) => verdict.result === result).length;
  const sections = (Object.keys(WORDS) as Result[]).flatMap((result) => {
    const of = entries.filter(({ verdict }) => verdict.result === result);
    const [heading, text] = WORDS[result];
    return of.length === 0 ? [] : [`## ${heading}\n\n${text}\n\n${resultTable(of)}`];
  });
  const surprises = entries.flatMap(({ hypothesis: { name } }) => {
    const lines = noteLines(notes, name);
    return lines.length > 0 ? [`### ${name}\n\n${lines.join("\n")}`] : [];
  });
  return `# Findings

${entries.length} hypotheses: ${count("held")} held, ${count("degraded")} degraded, ${count("failed")} failed, ${count("inconclusive")} inconclusive.
${dataLine(entries)}
## Before and after

The same fault, on the system with fewer mitigations and with more.

${pairTable(pairs(entries), experiments)}

${sections.join("\n\n")}

## How fast it heals

From the fault's removal until every SLI is back and stays back, slowest first; what was absorbed needs no healing.

${mttrTable(entries)}
${surprises.length > 0 ? `\n## Surprises\n\n${surprises.join("\n\n")}\n` : ""}`;
}

function pairTable(
  compared: readonly [Entry, Entry][],
  experiments: Readonly<Record<string, Experiment>>,
): string {
  const change = (of: (entry: Entry) => string, [a, b]: [Entry, Entry]): string => `${of(a)} → ${of(b)}`;
  const columns = columnsOf(compared.flat());
  return markdownTable({
    heading: ["", "fault", "result", ...columns.map(({ heading }) => heading), ">MTTR", "data"],
    rows: compared.map((pair) => {
      const { hypothesis } = pair[0];
      const id = hypothesis.experiment ?? "";
      return [
        id && experiments[id] ? `[${id}](experiment-${id}.md)` : id,
        `${faultsText(hypothesis)} (${pair.map(({ hypothesis: { name } }) => name).join(" → ")})`,
        change(({ verdict }) => verdict.result, pair),
        ...columns.map(({ of }) => change(of, pair)),
        change(({ verdict }) => seconds(verdict.mttr_s), pair),
        change(({ verdict }) => integrityText(verdict), pair),
      ];
    }),
  });
}

function resultTable(entries: readonly Entry[]): string {
  const columns = columnsOf(entries);
  return markdownTable({
    heading: ["", "hypothesis", "mitigations", ...columns.map(({ heading }) => heading), "why"],
    rows: entries.map((entry) => {
      const { hypothesis, verdict } = entry;
      return [
        hypothesis.experiment ?? "",
        hypothesis.name,
        isSystemKnown(verdict) ? systemText(verdict.mitigations) : "-",
        ...columns.map(({ of }) => of(entry)),
        verdict.reasons[0] ?? "",
      ];
    }),
  });
}

function mttrTable(entries: readonly Entry[]): string {
  const left = entries
    .filter(
      ({ verdict }) => verdict.fault_events.length > 0 && verdict.result !== "held" && verdict.mttr_s !== 0,
    )
    .toSorted(
      (a, b) =>
        (b.verdict.mttr_s ?? Number.POSITIVE_INFINITY) - (a.verdict.mttr_s ?? Number.POSITIVE_INFINITY),
    );
  return markdownTable({
    heading: ["hypothesis", "fault", ">detected after", ">reverted in", ">back after", "ended early by"],
    rows: left.map(({ hypothesis, verdict: { mttr, stopped_by } }) => [
      hypothesis.name,
      faultsText(hypothesis),
      seconds(mttr.detect_s),
      seconds(mttr.revert_s),
      seconds(mttr.recover_s),
      stopped_by?.condition ?? "nothing",
    ]),
  });
}
