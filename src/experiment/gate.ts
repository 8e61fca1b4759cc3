/** The gate of a CI: verdicts of a run against those that were committed. @module */
import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { problemOf } from "../config/yaml-file.ts";
import { RESULTS, type Result, rankOf } from "../model/verdict.ts";
import { worstVerdicts } from "./compare.ts";
import type { RunDocument } from "./store.ts";

const strict = { additionalProperties: false } as const;

/** A committed baseline: `schedules/baselines/<schedule>.json`. */
export const Baseline = Type.Object(
  {
    schedule: Type.String(),
    profile: Type.String(),
    /** The worst result of each hypothesis, over its repeats. */
    verdicts: Type.Array(
      Type.Object(
        {
          hypothesis: Type.String(),
          result: Type.Union(RESULTS.map((result) => Type.Literal(result))),
        },
        strict,
      ),
    ),
  },
  strict,
);
export type Baseline = Static<typeof Baseline>;

export const baselineOf = ({ schedule, profile, verdicts }: RunDocument): Baseline => ({
  schedule,
  profile,
  verdicts: [...worstVerdicts(verdicts).values()].map(({ hypothesis, result }) => ({ hypothesis, result })),
});

export interface Judged {
  hypothesis: string;
  /** Null: not in the baseline. */
  baseline: Result | null;
  /** Null: the run has no verdict on it. */
  result: Result | null;
  /** `regressed`: worse in the lattice, or no longer there. */
  state: "same" | "better" | "regressed" | "new";
  reasons: string[];
}

/** Every hypothesis of either side. A failed newcomer passes: nothing got worse; the baseline should learn of it. */
export function judgeAgainst(baseline: Baseline, { verdicts }: RunDocument): Judged[] {
  const now = worstVerdicts(verdicts);
  const judged = baseline.verdicts.map(({ hypothesis, result: before }): Judged => {
    const verdict = now.get(hypothesis);
    if (!verdict) {
      return { hypothesis, baseline: before, result: null, state: "regressed", reasons: ["it was not run"] };
    }
    const steps = rankOf(verdict.result) - rankOf(before);
    const state = steps > 0 ? "regressed" : steps < 0 ? "better" : "same";
    return { hypothesis, baseline: before, result: verdict.result, state, reasons: verdict.reasons };
  });
  const known = new Set(baseline.verdicts.map(({ hypothesis }) => hypothesis));
  const added = [...now.values()].filter(({ hypothesis }) => !known.has(hypothesis));
  return [
    ...judged,
    ...added.map(
      ({ hypothesis, result, reasons }): Judged => ({
        hypothesis,
        baseline: null,
        result,
        state: "new",
        reasons,
      }),
    ),
  ];
}

/**
 * What got worse, run again: a shared machine has bad minutes, and a regression is there every time. Those that did not
 * get worse the second time take the place of the first.
 * @param again runs these hypotheses, and judges them.
 */
export async function retried(
  first: readonly Judged[],
  retries: number,
  again: (hypotheses: readonly string[]) => Promise<readonly Judged[]>,
): Promise<Judged[]> {
  let judged = [...first];
  for (let retry = 0; retry < retries; retry++) {
    const worse = judged.filter(({ state, result }) => state === "regressed" && result !== null);
    if (worse.length === 0) break;
    const names = worse.map(({ hypothesis }) => hypothesis);
    const second = new Map((await again(names)).map((each) => [each.hypothesis, each]));
    judged = judged.map((each) =>
      names.includes(each.hypothesis) ? (second.get(each.hypothesis) ?? each) : each,
    );
  }
  return judged;
}

/** @throws {ChaoslabError} `badConfig` in one line. */
export function readBaseline(path: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const missing = codeOf(error) === "ENOENT";
    throw new ChaoslabError(
      "badConfig",
      `--against: ${path}: ${missing ? "no such file" : reasonOf(error)}`,
      missing ? "chaoslab gate --update writes it" : undefined,
    );
  }
  const wrong = problemOf(Baseline, value);
  if (wrong)
    throw new ChaoslabError("badConfig", `--against: ${path}: ${wrong.path.join(".")}: ${wrong.message}`);
  return value as Baseline;
}
