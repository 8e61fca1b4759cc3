/** Verdicts as JUnit suites: a trial is a test, and one that broke is a failure. @module */
import type { Judged } from "../experiment/gate.ts";
import { type RunDocument, trialName } from "../experiment/store.ts";
import type { Verdict } from "../model/verdict.ts";
import type { JunitCase, JunitSuite } from "./junit.ts";
import { factsOf } from "./text.ts";

/**
 * A trial fails when its result is not among those that were expected; where nothing was said, when it is `failed` or
 * `inconclusive`.
 */
export function suiteOf(document: RunDocument): JunitSuite {
  const { verdicts, repeats } = document;
  return suite(
    document,
    verdicts.map((verdict) => {
      const { result, reasons, as_expected, expected } = verdict;
      const bad = as_expected === null ? result === "failed" || result === "inconclusive" : !as_expected;
      const wanted = expected ? `, expected ${expected.join(" or ")}` : "";
      return caseOf(
        document,
        trialName(verdict.hypothesis, verdict.repeat, repeats),
        verdict,
        bad ? { message: `${result}${wanted}: ${reasons[0] ?? ""}`, text: reasons.join("\n") } : null,
      );
    }),
  );
}

/** What the gate found: a hypothesis that regressed is a failure. */
export function gateSuiteOf(document: RunDocument, judged: readonly Judged[]): JunitSuite {
  return suite(
    document,
    judged.map(({ hypothesis, baseline, result, state, reasons }) => {
      const verdict = document.verdicts.find(
        (each) => each.hypothesis === hypothesis && each.result === result,
      );
      const message = `${result ?? "not run"}, was ${baseline ?? "not known"}`;
      const failure = state === "regressed" ? { message, text: reasons.join("\n") } : null;
      return caseOf(document, hypothesis, verdict ?? null, failure);
    }),
  );
}

function suite({ schedule, started_at, ended_at }: RunDocument, cases: readonly JunitCase[]): JunitSuite {
  const timestamp = Date.parse(started_at);
  return {
    name: schedule,
    timestamp,
    seconds: (Date.parse(ended_at ?? started_at) - timestamp) / 1000,
    cases,
  };
}

function caseOf(
  { schedule }: RunDocument,
  name: string,
  verdict: Verdict | null,
  failure: { message: string; text: string } | null,
): JunitCase {
  const { baseline, fault, recovery } = verdict?.phases ?? { baseline: [0, 0], fault: null, recovery: null };
  return {
    name,
    classname: schedule,
    seconds: (recovery ?? fault ?? baseline)[1],
    ...(failure ? { failure } : {}),
    ...(verdict
      ? {
          properties: [
            ["result", verdict.result],
            ["mttr_s", String(verdict.mttr_s)],
            ["backend", String(verdict.backend)],
          ],
          systemOut: factsOf(verdict)
            .map(([label, text]) => `${label}: ${text}`)
            .join("\n"),
        }
      : {}),
  };
}
