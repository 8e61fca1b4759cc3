/** Flags of `ramp` beside those that it shares with `load`. @module */
import { ChaoslabError } from "../cli/errors.ts";
import { booleanFlag, durationFlag, type Flags, listFlag, numberFlag, textFlag } from "../cli/flags.ts";
import { offlineWorkload, type Source } from "../load/source.ts";
import type { RampPlan } from "../model/ramp.ts";
import { type Objective, parseObjective } from "../ramp/objective.ts";

/** Those of the built-in mix are the steady bounds of the schedules. */
const SHOP_SLOS = ["POST /orders: p99 < 250 ms", "error_rate < 0.1 %"];
const DEFAULT_SLOS = ["p99 < 250 ms", "error_rate < 0.1 %"];

/** What `--slo` says, else what the scenario does, else the defaults. */
export function readObjectives(flags: Flags, source: Source): Objective[] {
  const given = listFlag(flags, "slo");
  const own = offlineWorkload(source).slos.filter((text) => parseObjective(text));
  const fallback = source.kind === "shop" ? SHOP_SLOS : own.length > 0 ? own : DEFAULT_SLOS;
  return (given.length > 0 ? given : fallback).map((text) => {
    const objective = parseObjective(text);
    if (objective) return objective;
    throw new ChaoslabError(
      "usage",
      `--slo: ${JSON.stringify(text)} is not an objective`,
      "e.g. 'p99 < 250 ms', 'POST /orders: p99 < 1 s' or 'error_rate < 0.1 %'",
    );
  });
}

export function readPlan(flags: Flags): RampPlan {
  const continuous = booleanFlag(flags, "continuous");
  const refuse = (name: string, why: string): void => {
    if (textFlag(flags, name) !== undefined) throw new ChaoslabError("usage", `--${name}: ${why}`);
  };
  for (const name of continuous ? ["step", "factor", "step-for"] : []) refuse(name, "not with --continuous");
  if (!continuous) refuse("for", "only with --continuous; --step-for is how long a step takes");
  if (textFlag(flags, "step") !== undefined) refuse("factor", "takes the place of --step; give one of them");

  const from = numberFlag(flags, "from", 50, { min: 1, max: 100_000, integer: true });
  const to = numberFlag(flags, "to", 2_000, { min: 2, max: 100_000, integer: true });
  if (to <= from) throw new ChaoslabError("usage", `--to: ${to} is not above --from (${from})`);
  const sustain = secondsFlag(flags, "sustain", 3, 1);
  const name = continuous ? "for" : "step-for";
  const duration = secondsFlag(flags, name, continuous ? 120 : 10, 1);
  if (duration < sustain) {
    throw new ChaoslabError("usage", `--${name}: ${duration} s is shorter than --sustain (${sustain} s)`);
  }
  const step =
    textFlag(flags, "step") === undefined ? null : numberFlag(flags, "step", 0, { min: 1, integer: true });
  const factor = numberFlag(flags, "factor", 1.5, { min: 1.05, max: 10 });
  return {
    mode: continuous ? "continuous" : "steps",
    from_rps: from,
    to_rps: to,
    factor: continuous || step !== null ? null : factor,
    step_rps: step,
    duration_s: duration,
    warm_up_s: secondsFlag(flags, "warm-up", 5, 0),
    repeats: numberFlag(flags, "repeats", 3, { min: 1, max: 100, integer: true }),
    sustain_s: sustain,
    knee_share: numberFlag(flags, "knee", 0.95, { min: 0, max: 1 }),
    steady_share: numberFlag(flags, "share", 0.65, { min: 0.01, max: 1 }),
  };
}

/** Judgement goes by whole seconds. */
function secondsFlag(flags: Flags, name: string, fallback: number, min: number): number {
  const seconds = durationFlag(flags, name, fallback * 1_000, min * 1_000) / 1_000;
  if (Number.isInteger(seconds) && seconds <= 86_400) return seconds;
  throw new ChaoslabError("usage", `--${name}: ${textFlag(flags, name)} is not in whole seconds`, "e.g. 10s");
}
