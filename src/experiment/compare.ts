/** Two trials, before and after: what a mitigation, or a regression, changed. @module */
import { ChaoslabError } from "../cli/errors.ts";
import type { Unit } from "../model/sli.ts";
import { rankOf, type Verdict } from "../model/verdict.ts";
import type { RunDocument } from "./store.ts";

/** A row of the table. Values are null where there is none. */
export interface Change {
  what: string;
  unit: Unit | "s" | "x";
  before: number | null;
  after: number | null;
  /** after - before. */
  delta: number | null;
  /** Positive: smaller is better; negative: larger is. 0: neither. */
  better: "smaller" | "larger" | "neither";
}

export interface Compared {
  run: string;
  hypothesis: string;
  result: Verdict["result"];
  /** The client's timeout: a latency of that value is a lower bound. */
  timeout_ms: number;
}

export interface Comparison {
  before: Compared;
  after: Compared;
  /** How many steps of the lattice better (negative) or worse (positive) the result is. */
  steps: number;
  changes: Change[];
}

/** `results/run` or `results/run#hypothesis`. */
export interface Side {
  document: RunDocument;
  hypothesis: string | null;
}

/** The worst verdict of each hypothesis: a repeat that failed counts. */
export function worstVerdicts(verdicts: readonly Verdict[]): Map<string, Verdict> {
  const worst = new Map<string, Verdict>();
  for (const verdict of verdicts) {
    const known = worst.get(verdict.hypothesis);
    if (!known || rankOf(verdict.result) > rankOf(known.result)) worst.set(verdict.hypothesis, verdict);
  }
  return worst;
}

/**
 * Hypotheses of the same name are compared; where each side names one, these two.
 * @throws {ChaoslabError} `notFound` when there is nothing to compare.
 */
export function compareRuns(before: Side, after: Side): Comparison[] {
  const sides = [before, after].map(({ document, hypothesis }) => {
    const all = worstVerdicts(document.verdicts);
    if (hypothesis === null) return all;
    const one = all.get(hypothesis);
    if (one) return new Map([[hypothesis, one]]);
    throw new ChaoslabError(
      "notFound",
      `${document.folder}: no verdict on ${JSON.stringify(hypothesis)}`,
      `it has ${[...all.keys()].join(", ") || "none"}`,
    );
  });
  const [first = new Map<string, Verdict>(), second = new Map<string, Verdict>()] = sides;
  const pairs =
    first.size === 1 && second.size === 1
      ? [[[...first.values()][0], [...second.values()][0]]]
      : [...first].map(([name, verdict]) => [verdict, second.get(name)]);
  const compared = pairs.flatMap(([a, b]) => (a && b ? [compareVerdicts(before, a, after, b)] : []));
  if (compared.length > 0) return compared;
  throw new ChaoslabError(
    "notFound",
    "the two runs have no hypothesis in common",
    `${[...first.keys()].join(", ") || "none"} before, ${[...second.keys()].join(", ") || "none"} after; name them by run#hypothesis`,
  );
}

function compareVerdicts(from: Side, before: Verdict, to: Side, after: Verdict): Comparison {
  return {
    before: comparedOf(from, before),
    after: comparedOf(to, after),
    steps: rankOf(after.result) - rankOf(before.result),
    changes: changesOf(before, after),
  };
}

const comparedOf = ({ document }: Side, { hypothesis, result, load }: Verdict): Compared => ({
  run: document.run,
  hypothesis,
  result,
  timeout_ms: load.timeout_ms,
});

function changesOf(before: Verdict, after: Verdict): Change[] {
  const change = (
    what: string,
    unit: Change["unit"],
    better: Change["better"],
    a: number | null | undefined,
    b: number | null | undefined,
  ): Change => {
    const [from, to] = [a ?? null, b ?? null];
    return {
      what,
      unit,
      before: from,
      after: to,
      delta: from === null || to === null ? null : to - from,
      better,
    };
  };
  const slis = before.slis.flatMap((a) => {
    const b = after.slis.find(({ sli }) => sli === a.sli);
    if (!b) return [];
    const better = a.fault_bound.comparison.startsWith("<") ? "smaller" : "larger";
    return [
      change(`${a.sli} before the fault`, a.unit, better, a.baseline, b.baseline),
      change(`${a.sli} in the fault`, a.unit, better, a.fault, b.fault),
      change(`${a.sli} out of SLO`, "s", "smaller", a.out_of_slo_s, b.out_of_slo_s),
    ];
  });
  // Fewer attempts than calls are no virtue: calls that never got through.
  const edges = before.amplification.map((a) =>
    change(
      `attempts per call ${a.edge}`,
      "x",
      "neither",
      a.fault,
      after.amplification.find(({ edge }) => edge === a.edge)?.fault,
    ),
  );
  return [
    ...slis,
    change("tenants out", "share", "smaller", before.blast_radius_tenants, after.blast_radius_tenants),
    change("MTTR: detect", "s", "smaller", before.mttr.detect_s, after.mttr.detect_s),
    change("MTTR: recover", "s", "smaller", before.mttr.recover_s, after.mttr.recover_s),
    change("longest pool exhaustion", "s", "smaller", exhaustion(before), exhaustion(after)),
    ...edges,
  ];
}

/** Null where no pool is known. */
const exhaustion = ({ pools }: Verdict): number | null =>
  pools.length === 0 ? null : Math.max(...pools.map(({ exhausted_s }) => exhausted_s));
