/** steady_state.md: what the system is like undisturbed, how that is measured, and when an experiment is given up. @module */
import { medianOf } from "../../experiment/stats/order.ts";
import { type Load, stopConditionsOf } from "../../model/schedule.ts";
import { showSli } from "../../model/sli.ts";
import { promqlOf } from "../../observe/prometheus/promql.ts";
import { markdownTable } from "../markdown.ts";
import type { Entry } from "./entries.ts";

/** What is asked, in the words of a sentence that has begun with the rate. */
function mixOf(load: Load): string {
  const { scenario } = load;
  if (!scenario) return `${Math.round(load.reads * 100)} % of them reads, ${load.tenants} tenants`;
  const shares = scenario.operations.map(
    (name) => `${name} ${Number(((scenario.shares[name] ?? 0) * 100).toFixed(1))} %`,
  );
  return `those of scenario ${scenario.name} (${shares.join(", ")}), ${scenario.tenants.length} tenants`;
}

export function steadyState(entries: readonly Entry[]): string {
  const last = entries.at(-1);
  if (!last) return "";
  const { schedule, document } = last.run;
  const named = Object.entries(schedule.slis).filter(([name]) =>
    entries.some(({ verdict }) => verdict.slis.some(({ sli }) => sli === name)),
  );
  const rows = named.map(([name, sli]) => {
    const outcomes = entries.flatMap(({ verdict }) => verdict.slis.filter((each) => each.sli === name));
    const values = outcomes.flatMap(({ baseline }) => (baseline === null ? [] : [baseline]));
    const slo = schedule.slos[name];
    const of = (value: number | null): string => showSli(value, sli.unit);
    return [
      name,
      sli.source === "load" ? `${sli.operation}, ${sli.measure}, as the client saw it` : sli.source,
      slo?.steady ?? "by hypothesis",
      slo?.fault ?? "by hypothesis",
      of(values.length > 0 ? medianOf(Float64Array.from(values)) : null),
      values.length > 0 ? `${of(Math.min(...values))} to ${of(Math.max(...values))}` : "none",
      String(values.length),
    ];
  });
  const stops = new Map<string, number>();
  for (const { run, hypothesis } of entries) {
    for (const { sli, threshold, for_s } of stopConditionsOf(hypothesis, run.schedule)) {
      const text = `\`${sli} ${threshold}\` for ${for_s} s`;
      stops.set(text, (stops.get(text) ?? 0) + 1);
    }
  }
  const { load } = schedule;
  const queries = named.flatMap(([name, sli]) => {
    const query = promqlOf(sli, "1m");
    return query === null ? [] : [[name, `\`${query}\``]];
  });
  return `# Steady state

Load: ${document.rate} requests/s, ${mixOf(load)}; a client gives up after ${load.timeout_s} s.
Arrivals are a Poisson process fixed by the seed, offered whatever the answers do.

${markdownTable({ heading: ["SLI", "of", "steady", "under a fault", ">baseline, median", ">least to most", ">trials"], rows })}

A trial whose baseline is out of a steady bound, or drifts, is inconclusive: nothing is concluded from it.

${queries.length > 0 ? promqlSection(queries, load) : ""}## When an experiment is given up

${[...stops].map(([text, n]) => `- ${text}: ${n} trials`).join("\n") || "- no stop condition"}

The fault is then reverted at once. It is also reverted when its time is over, on Ctrl-C and SIGTERM, and by a guard when the process is killed.

## Machine

${markdownTable({ heading: ["what", "value"], rows: Object.entries(document.environment).map(([key, value]) => [key, String(value)]) })}
`;
}

const promqlSection = (queries: string[][], { scenario }: Load): string => `## In PromQL

From ${scenario ? "the servers' own metrics" : "the metrics of the api"}, for dashboards and alerts. The verdicts go by the client's record, which includes what never reached ${scenario ? "them" : "the api"}.

${markdownTable({ heading: ["SLI", "query"], rows: queries })}

`;
