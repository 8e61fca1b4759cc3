/** What shows that a trial was what it claims to be: the faults landed, the load kept its schedule, the data are sound. @module */
import type { FaultEvent } from "../../model/fault.ts";
import type { IntegrityReport } from "../../model/integrity.ts";
import type { Verdict } from "../../model/verdict.ts";
import { factsOf } from "../text.ts";
import { html, listOf, type Markup, tableOf } from "./markup.ts";

export function evidence(verdict: Verdict): Markup {
  const { baseline, fault, recovery } = verdict.phases;
  const span = (phase: readonly [number, number] | null): string =>
    phase ? `second ${phase[0]} to ${phase[1]} (${phase[1] - phase[0]} s)` : "not reached";
  return html`<h4>Evidence</h4>
${listOf([
  ...factsOf(verdict),
  ["windows", `baseline: ${span(baseline)}; fault: ${span(fault)}; recovery: ${span(recovery)}`],
  ["generator", verdict.load.generator_saturated ? "fell behind its schedule" : "kept its schedule"],
])}
${verdict.fault_events.length > 0 ? faultTable(verdict.fault_events) : null}
${verdict.integrity ? integrityTable(verdict.integrity) : null}`;
}

const time = (t: number | null): string =>
  t === null ? "not seen" : new Date(t).toISOString().slice(11, 23);

function faultTable(events: readonly FaultEvent[]): Markup {
  const known = (value: boolean | null): string => (value === null ? "not known" : value ? "yes" : "no");
  return tableOf({
    title: "faults, times in UTC",
    heading: ["fault", "target", "parameters", "mechanism", "from", "to", "landed", "gone"],
    rows: events.map(({ fault_type, target, params, backend, t_start, t_stop, evidence: seen, gone }) => [
      fault_type,
      target,
      Object.entries(params)
        .map(([name, value]) => `${name} ${[value].flat().join(", ")}`)
        .join("; ") || "none",
      backend,
      time(t_start),
      time(t_stop),
      known(seen?.landed ?? null),
      known(gone),
    ]),
  });
}

const integrityTable = ({ outcomes }: IntegrityReport): Markup =>
  tableOf({
    title: "integrity of orders and money",
    heading: ["invariant", "state", ">checked", ">violations", "detail"],
    rows: outcomes.map(({ invariant, state, checked, violations, detail }) => [
      invariant,
      state,
      String(checked),
      String(violations),
      detail,
    ]),
  });
