/** Verdicts of a run that was kept, computed again from what it recorded. @module */
import { existsSync } from "node:fs";
import type { Hypothesis } from "../model/schedule.ts";
import type { Result, Verdict } from "../model/verdict.ts";
import { readRecording } from "./recording.ts";
import { stabilityOf } from "./stability.ts";
import { historyFile, type RunDocument, type StoredRun, stateOf, trialName } from "./store.ts";
import { type Trial, trialOf } from "./trial.ts";
import { judge } from "./verdict.ts";

export interface Rejudged {
  document: RunDocument;
  /** Trials whose result is not what it was. */
  changed: { trial: string; before: Result | "none"; after: Result }[];
}

/** A trial of a kept run, from its history; null: it left none. */
export function readTrial(
  { folder, document, schedule }: StoredRun,
  hypothesis: Hypothesis,
  repeat: number,
): Trial | null {
  const file = historyFile(folder, trialName(hypothesis.name, repeat, document.repeats));
  if (!existsSync(file)) return null;
  const recording = readRecording(file, schedule.load.timeout_s * 1000, schedule.slis);
  return trialOf(schedule, hypothesis, repeat, recording);
}

/**
 * Every trial that left a history, those of a run that was cut off included. Nothing is written.
 * @param seen is shown each trial, one after the other: all at once are too much to keep.
 */
export function rejudge(run: StoredRun, seen: (trial: Trial, name: string) => void = () => {}): Rejudged {
  const { folder, document, schedule } = run;
  const verdicts: Verdict[] = [];
  const changed: Rejudged["changed"] = [];
  for (let repeat = 1; repeat <= document.repeats; repeat++) {
    for (const hypothesis of schedule.hypotheses) {
      const trial = readTrial(run, hypothesis, repeat);
      if (!trial) continue;
      const name = trialName(hypothesis.name, repeat, document.repeats);
      seen(trial, name);
      const verdict = judge(trial);
      verdicts.push(verdict);
      const known = document.verdicts.find(
        (each) => each.hypothesis === hypothesis.name && each.repeat === repeat,
      );
      if (known?.result === verdict.result) continue;
      changed.push({ trial: name, before: known?.result ?? "none", after: verdict.result });
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
