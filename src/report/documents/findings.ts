/**
 * findings.md: what the system absorbed (resilience) and what it left and came back from (recovery), with numbers.
 * @module
 */
import type { Experiment } from "../../model/schedule.ts";
import { showSli } from "../../model/sli.ts";
import type { Result, Verdict } from "../../model/verdict.ts";
import { markdownTable } from "../markdown.ts";
import { seconds } from "../text.ts";
import { type Entry, faultsText, integrityText, pairs, systemText, violated } from "./entries.ts";
import { type Notes, noteLines } from "./notes.ts";

const inFault = ({ slis, load }: Verdict, name: string): string => {
  const outcome = slis.find(({ sli }) => sli === name);
  return outcome ? showSli(outcome.fault, outcome.unit, load.timeout_ms) : "-";
};

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
  const broken = entries.filter(({ verdict }) => violated(verdict).length > 0);
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
${broken.length === 0 ? "No order and no money was lost in any of them." : `Data were broken in ${broken.length}: ${broken.map(({ hypothesis, verdict }) => `${hypothesis.name} (${violated(verdict).join(", ")})`).join("; ")}.`}

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
  const change = (
    of: (verdict: Verdict) => string,
    [{ verdict: a }, { verdict: b }]: [Entry, Entry],
  ): string => `${of(a)} → ${of(b)}`;
  return markdownTable({
    heading: ["", "fault", "result", ">write p99", ">write errors", ">reads", ">MTTR", "data"],
    rows: compared.map((pair) => {
      const { hypothesis } = pair[0];
      const id = hypothesis.experiment ?? "";
      return [
        id && experiments[id] ? `[${id}](experiment-${id}.md)` : id,
        `${faultsText(hypothesis)} (${pair.map(({ hypothesis: { name } }) => name).join(" → ")})`,
        change(({ result }) => result, pair),
        change((verdict) => inFault(verdict, "write_p99"), pair),
        change((verdict) => inFault(verdict, "write_error_rate"), pair),
        change((verdict) => inFault(verdict, "read_availability"), pair),
        change(({ mttr_s }) => seconds(mttr_s), pair),
        change(integrityText, pair),
      ];
    }),
  });
}

function resultTable(entries: readonly Entry[]): string {
  return markdownTable({
    heading: ["", "hypothesis", "mitigations", ">write p99", ">write errors", ">reads", "why"],
    rows: entries.map(({ hypothesis, verdict }) => [
      hypothesis.experiment ?? "",
      hypothesis.name,
      systemText(verdict.mitigations),
      inFault(verdict, "write_p99"),
      inFault(verdict, "write_error_rate"),
      inFault(verdict, "read_availability"),
      verdict.reasons[0] ?? "",
    ]),
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
