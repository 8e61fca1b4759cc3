/**
 * `--scenario`: what a file says, and which flags win over it.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { type Flags, listFlag, numberFlag } from "../cli/flags.ts";
import { suggestion } from "../config/nearest.ts";
import { loadScenario, targetsOf } from "../load/scenario/file.ts";
import { targetUrl } from "../load/scenario/rules.ts";
import type { ScenarioSource } from "../load/source.ts";
import type { Scenario } from "../model/scenario.ts";

export const readSeed = (flags: Flags): number =>
  numberFlag(flags, "seed", 1, { min: 0, max: 2 ** 32 - 1, integer: true });

/** What a scenario says itself. */
const REPLACED = [
  ...["mix", "lab", "method", "header", "body", "insecure", "ca"],
  ...["reads", "tenants", "orders", "products", "check"],
];

export function readScenario(file: string, args: readonly string[], flags: Flags): ScenarioSource {
  const other = args[0] ?? REPLACED.find((name) => flags[name] !== undefined);
  if (other !== undefined) {
    const what = args[0] ?? `--${other}`;
    throw new ChaoslabError(
      "usage",
      `load: --scenario says itself what is sent where: it goes without ${what}`,
    );
  }
  const scenario = loadScenario(file);
  const others = new Map(listFlag(flags, "target").map((text) => readTarget(text, scenario)));
  const seed = readSeed(withScenarioDefaults(scenario, flags));
  return { kind: "scenario", scenario, targets: targetsOf(scenario, file, others), seed };
}

function readTarget(text: string, { targets }: Scenario): [string, URL] {
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(0, equals));
  const url = targetUrl(text.slice(equals + 1));
  const known = Object.keys(targets);
  if (known.includes(name) && url !== null) return [name, url];
  const accepted = `give <name>=<http(s) base URL>; targets: ${known.join(", ")}`;
  throw new ChaoslabError("usage", `--target: not a target: ${text}${suggestion(name, known)}`, accepted);
}

/** The flags, and where there are none what the file says. */
export function withScenarioDefaults({ load, seed }: Scenario, flags: Flags): Flags {
  const isGiven = (...names: string[]): boolean => names.some((name) => flags[name] !== undefined);
  // Stages and a rate are one thing in two forms: one that is given replaces the file's, whichever that is.
  const replaced = isGiven("stages") ? ["rate", "for"] : isGiven("rate", "for") ? ["stages"] : [];
  const said = Object.entries({ ...load, seed }).filter(
    ([name, value]) => value !== undefined && !replaced.includes(name),
  );
  return { ...Object.fromEntries(said), ...flags };
}
