/** Verdicts of a run that was kept, computed again from what it recorded. @module */
import { existsSync } from "node:fs";
import type { Result, Verdict } from "../model/verdict.ts";
import { readRecording } from "./recording.ts";
import { stabilityOf } from "./stability.ts";
import { historyFile, type RunDocument, type StoredRun, stateOf, trialName } from "./store.ts";
import { trialOf } from "./trial.ts";
import { judge } from "./verdict.ts";

export interface Rejudged {
  document: RunDocument;
  /** Trials whose result is not what it was. */
  changed: { trial: string; before: Result | "none"; after: Result }[];
}

/** Every trial that left a history, those of a run that was cut off included. Nothing is written. */
export function rejudge({ folder, document, schedule }: StoredRun): Rejudged {
  const verdicts: Verdict[] = [];
  const changed: Rejudged["changed"] = [];
  for (let repeat = 1; repeat <= document.repeats; repeat++) {
    for (const hypothesis of schedule.hypotheses) {
      const trial = trialName(hypothesis.name, repeat, document.repeats);
      const file = historyFile(folder, trial);
      if (!existsSync(file)) continue;
      const recording = readRecording(file, schedule.load.timeout_s * 1000, schedule.slis);
      const verdict = judge(trialOf(schedule, hypothesis, repeat, recording));
      verdicts.push(verdict);
      const known = document.verdicts.find(
        (each) => each.hypothesis === hypothesis.name && each.repeat === repeat,
      );
      if (known?.result === verdict.result) continue;
      changed.push({ trial, before: known?.result ?? "none", after: verdict.result });
    }
  }
  const state = stateOf(document);
  return {
    document: {
      ...document,
      state: state === "incomplete" ? "aborted" : state,
      folder,
      verdicts,
      stability: stabilityOf(verdicts),
    },
    changed,
  };
}
