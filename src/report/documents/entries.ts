/** What documents are made of: each trial of the runs given, oldest run first, with what it was about. @module */
import { isDeepStrictEqual } from "node:util";
import { type StoredRun, trialName } from "../../experiment/store.ts";
import { MITIGATIONS, type Mitigation, mitigationsText } from "../../model/mitigations.ts";
import { type Hypothesis, specsOf } from "../../model/schedule.ts";
import { rankOf, type Verdict } from "../../model/verdict.ts";

export interface Entry {
  run: StoredRun;
  verdict: Verdict;
  hypothesis: Hypothesis;
  /** Name of the trial's files in the run's folder. */
  trial: string;
}

/** In the order of the runs and of their trials. What the schedule does not have any more is left out. */
export function entriesOf(runs: readonly StoredRun[]): Entry[] {
  return runs
    .toSorted((a, b) => a.document.started_at.localeCompare(b.document.started_at))
    .flatMap((run) =>
      run.document.verdicts.flatMap((verdict) => {
        const hypothesis = run.schedule.hypotheses.find(({ name }) => name === verdict.hypothesis);
        const trial = trialName(verdict.hypothesis, verdict.repeat, run.document.repeats);
        return hypothesis ? [{ run, verdict, hypothesis, trial }] : [];
      }),
    );
}

/** One entry for each hypothesis: of its last run, and of that run's repeats the worst. */
export function latest(entries: readonly Entry[]): Entry[] {
  const found = new Map<string, Entry>();
  for (const entry of entries) {
    const known = found.get(entry.hypothesis.name);
    if (!known || known.run !== entry.run || rankOf(entry.verdict.result) > rankOf(known.verdict.result))
      found.set(entry.hypothesis.name, entry);
  }
  return [...found.values()];
}

/** Trials of the same faults, under one set of mitigations and then under another. */
export function pairs(entries: readonly Entry[]): [before: Entry, after: Entry][] {
  const left = [...entries];
  const found: [Entry, Entry][] = [];
  for (let before = left.shift(); before; before = left.shift()) {
    const first = before;
    const at = left.findIndex(
      ({ hypothesis, verdict }) =>
        hypothesis.experiment === first.hypothesis.experiment &&
        isDeepStrictEqual(specsOf(hypothesis), specsOf(first.hypothesis)) &&
        mitigationsText(verdict.mitigations) !== mitigationsText(first.verdict.mitigations),
    );
    const [after] = at < 0 ? [] : left.splice(at, 1);
    if (after) found.push([before, after]);
  }
  return found;
}

/** `latency (delay_ms 200) on payments`; of several, the same on several targets is said once. */
export function faultsText(hypothesis: Hypothesis): string {
  const groups = Map.groupBy(specsOf(hypothesis), ({ type, params, at_s = 0 }) => {
    const given = Object.entries(params).map(([name, value]) => `${name} ${[value].flat().join(", ")}`);
    return `${type}${given.length > 0 ? ` (${given.join(", ")})` : ""}${at_s > 0 ? ` after ${at_s} s` : ""}`;
  });
  return [...groups]
    .map(([what, of]) => `${what} on ${of.map(({ target }) => target).join(", ")}`)
    .join("; ");
}

/** What the hypothesis says. */
export function statementOf(hypothesis: Hypothesis): string {
  const { sli, steady_state, slo_threshold } = hypothesis;
  return `Hypothesis: under ${faultsText(hypothesis)}, ${sli} goes from ${steady_state} to no worse than ${slo_threshold}, and every other SLO holds.`;
}

/** `all but draining` rather than ten names. */
export function systemText(mitigations: readonly Mitigation[]): string {
  const missing = MITIGATIONS.filter((name) => !mitigations.includes(name));
  if (missing.length === 0 || missing.length > MITIGATIONS.length / 2) return mitigationsText(mitigations);
  return `all but ${missing.join(", ")}`;
}

/** Names of the invariants that did not hold. */
export const violated = ({ integrity }: Verdict): string[] =>
  (integrity?.outcomes ?? []).filter(({ state }) => state === "violated").map(({ invariant }) => invariant);

/** Whether the load was the built-in mix, which has orders and money to lose. */
export const isOfShop = ({ verdict }: Entry): boolean => !verdict.load.scenario;

export function integrityText(verdict: Verdict): string {
  if (verdict.integrity) return violated(verdict).join(", ") || "holds";
  return verdict.load.scenario ? "-" : "not looked at";
}
