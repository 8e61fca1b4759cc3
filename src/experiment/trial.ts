/** A trial: one run of one hypothesis, with all that its checks may look at. @module */
import type { Hypothesis, Schedule } from "../model/schedule.ts";
import type { Phases } from "../model/verdict.ts";
import { type Bounds, boundsOf, recoveredAt } from "./bounds.ts";
import type { Measurements } from "./measurements.ts";
import type { Recording } from "./recording.ts";

export interface Trial {
  schedule: Schedule;
  hypothesis: Hypothesis;
  /** 1 for the first of its repeats. */
  repeat: number;
  recording: Recording;
  measurements: Measurements;
  bounds: Bounds[];
  phases: Phases;
  /** First arrival second from which the system is itself again; null: not seen. */
  backAt: number | null;
}

export function trialOf(
  schedule: Schedule,
  hypothesis: Hypothesis,
  repeat: number,
  recording: Recording,
): Trial {
  const measurements = recording.measurements();
  const bounds = boundsOf(hypothesis, schedule);
  const { baseline = [0, 0], fault = null, recovery = null } = recording.phases;
  return {
    schedule,
    hypothesis,
    repeat,
    recording,
    measurements,
    bounds,
    phases: { baseline, fault, recovery },
    backAt: recovery && recoveredAt(measurements, bounds, ...recovery),
  };
}
