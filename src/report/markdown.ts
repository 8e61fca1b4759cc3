/** report.md of a run. @module */
import type { RunDocument } from "../experiment/store.ts";
import { leftOf } from "../model/fault.ts";
import type { Schedule } from "../model/schedule.ts";
import type { Verdict } from "../model/verdict.ts";
import { POOL_HEADING, poolRows, SLI_HEADING, sliRows, VERDICT_HEADING, verdictRow } from "./text.ts";

function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("\n");
}

const span = (phase: [number, number] | null): string =>
  phase ? `second ${phase[0]} to ${phase[1]} (${phase[1] - phase[0]} s)` : "not reached";

export function markdownReport(document: RunDocument, schedule: Schedule): string {
  const env = document.environment;
  return `${[
    `# ${document.run}`,
    schedule.description?.trim() ?? "",
    markdownTable(VERDICT_HEADING, document.verdicts.map(verdictRow)),
    ...document.verdicts.map((verdict) => section(verdict, schedule)),
    "## How to read it",
    "Latency counts from the instant a request was meant to be sent. A request without an answer ranks above every answered one; " +
      "where a quantile falls among those it shows the client's timeout. p99 is over all requests that arrived in the phase, never a mean of " +
      "smaller p99s. MTTR runs from the fault's removal until every SLI is back inside its steady bound and stays there. `!` marks a value out of its bound.",
    "## Environment",
    markdownTable(
      ["what", "value"],
      [
        ["started", document.started_at],
        ["seed", String(document.seed)],
        ["windows", document.quick ? "quick" : "full"],
        ...Object.entries(env).map(([key, value]) => [key, String(value)]),
      ],
    ),
    `Command: \`chaoslab run schedule.yaml${document.quick ? " --quick" : ""}\` with the schedule.yaml of this folder.`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

function section(verdict: Verdict, schedule: Schedule): string {
  const hypothesis = schedule.hypotheses.find((each) => each.name === verdict.hypothesis);
  const event = verdict.fault_event;
  const left = event && leftOf(event);
  return [
    `## ${verdict.hypothesis}: ${verdict.result}`,
    hypothesis
      ? `Hypothesis: with \`${hypothesis.fault.type}\` ${JSON.stringify(hypothesis.fault.params)} on ${hypothesis.fault.target}, ${verdict.sli} goes from ${hypothesis.steady_state} to no worse than ${hypothesis.slo_threshold}, and every other SLO holds.`
      : "",
    verdict.reasons.map((reason) => `- ${reason}`).join("\n"),
    `![SLIs over time](chart-${verdict.hypothesis}.svg)`,
    markdownTable(SLI_HEADING, sliRows(verdict)),
    verdict.pools.length > 0 ? markdownTable(POOL_HEADING, poolRows(verdict)) : "",
    [
      `- baseline: ${span(verdict.phases.baseline)}; fault: ${span(verdict.phases.fault)}; recovery: ${span(verdict.phases.recovery)}`,
      event
        ? `- fault by ${event.backend}: ${event.evidence?.detail ?? "no evidence"}`
        : "- fault: not injected",
      left ? `- reverted, but ${left}` : "",
      event?.t_stop
        ? `- in force from ${new Date(event.t_start).toISOString()} to ${new Date(event.t_stop).toISOString()}`
        : "",
      `- load: ${verdict.load.requests} requests at ${verdict.load.offered_rps}/s, slip p99 ${verdict.load.slip_p99_ms} ms, ${verdict.load.dropped} never sent`,
    ]
      .filter((line) => line !== "")
      .join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
