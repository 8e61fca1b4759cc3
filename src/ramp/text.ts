/** A search in words and figures: the terminal's table, the closing sentence, and the curve as CSV. @module */
import { table } from "../cli/terminal.ts";
import type { RampDocument, RampStep } from "../model/ramp.ts";
import { showSli } from "../model/sli.ts";

const rps = (value: number): string => String(value >= 100 ? Math.round(value) : Number(value.toFixed(1)));

/** One step on one line, as it ends. */
export function stepLine(step: RampStep, timeoutMs: number): string {
  const { result, why } = step.verdict;
  const p99 = Object.entries(step.operations)
    .map(([name, { p99_ms }]) => `${name} ${showSli(p99_ms, "ms", timeoutMs)}`)
    .join(", ");
  const figures = `${rps(step.rate_rps)} rps: ${result}, goodput ${rps(step.goodput_rps)} rps, p99 ${p99}`;
  return why ? `${figures} (${why})` : figures;
}

export function terminalRamp(document: RampDocument): string {
  const { steps, timeout_ms: timeoutMs, plan } = document;
  const names = operationsOf(steps);
  const rows = steps.toSorted((a, b) => a.repeat - b.repeat || a.rate_rps - b.rate_rps);
  const heading = ["repeat", "rate", "offered", "goodput", "errors", ...names.map((name) => `p99 ${name}`)];
  const lines = rows.map((step) => [
    String(step.repeat),
    rps(step.rate_rps),
    rps(step.offered_rps),
    rps(step.goodput_rps),
    showSli(step.error_share, "share"),
    ...names.map((name) => showSli(step.operations[name]?.p99_ms ?? null, "ms", timeoutMs)),
    `${step.slip_p99_ms.toFixed(1)} ms`,
    step.generator_cpu_share.toFixed(2),
    step.verdict.result,
  ]);
  const right = Array.from({ length: heading.length + 2 }, () => "right" as const);
  const all = [[...heading, "slip p99", "cpu", "verdict"], ...lines];
  const repeats = document.repeats.map(({ repeat, breakpoint_rps, why }) => {
    const name = plan.repeats > 1 ? `repeat ${repeat}: ` : "";
    return breakpoint_rps === null
      ? `${name}no breakpoint: ${why}`
      : `${name}held ${rps(breakpoint_rps)} rps; broke at ${why.replace(/^at /, "")}`;
  });
  return `${table(all, right)}\n\n${[...repeats, "", closing(document), `kept in ${document.folder}`].join("\n")}\n`;
}

/** What came out, in one sentence. */
export function closing({ breakpoint, no_breakpoint, steady_rate_rps, plan }: RampDocument): string {
  if (breakpoint === null || steady_rate_rps === null) {
    return `No breakpoint is named: ${no_breakpoint}.`;
  }
  const { min_rps, max_rps, interval_95, stable, per_repeat } = breakpoint;
  const range =
    per_repeat.length > 1 ? ` (median of ${per_repeat.length}, ${rps(min_rps)} to ${rps(max_rps)}` : "";
  const interval = interval_95 ? `, 95 % ${rps(interval_95.low_rps)} to ${rps(interval_95.high_rps)}` : "";
  const unstable = stable === false ? "; the repeats do not agree, so take it with care" : "";
  const share = Math.round(plan.steady_share * 100);
  return `The breakpoint is ${rps(breakpoint.rps)} rps${range && `${range}${interval})`}; a steady rate is ${rps(steady_rate_rps)} rps, ${share} % of it${unstable}.`;
}

export const operationsOf = (steps: readonly RampStep[]): string[] => [
  ...new Set(steps.flatMap((step) => Object.keys(step.operations))),
];

/** A row per step and operation. */
export function rampCsv(steps: readonly RampStep[]): string {
  const heading =
    "repeat,rate_rps,duration_s,offered_rps,sent_rps,goodput_rps,error_share,operation,requests,operation_error_share,p50_ms,p99_ms,slip_p99_ms,late,dropped,generator_cpu_share,result";
  const rows = steps.flatMap((step) =>
    Object.entries(step.operations).map(([name, { requests, error_share, p50_ms, p99_ms }]) =>
      [
        ...[step.repeat, step.rate_rps, step.duration_s, step.offered_rps, step.sent_rps, step.goodput_rps],
        ...[step.error_share, quoted(name), requests, error_share, p50_ms ?? "", p99_ms ?? ""],
        ...[step.slip_p99_ms, step.late, step.dropped, step.generator_cpu_share, step.verdict.result],
      ].join(","),
    ),
  );
  return `${[heading, ...rows].join("\n")}\n`;
}

/** RFC 4180, section 2: an operation's name may have anything in it that a URL may. */
const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
