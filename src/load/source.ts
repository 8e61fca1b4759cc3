/**
 * Where the requests of a load come from.
 * @module
 */
import type { Scenario } from "../model/scenario.ts";
import { createMixWorkload, type MixOptions } from "./mix.ts";
import { runSetup } from "./scenario/setup.ts";
import { compileScenario, type Targets } from "./scenario/workload.ts";
import { createSingleWorkload, type SingleOptions } from "./single.ts";
import { fetchTokens } from "./tokens.ts";
import type { Workload } from "./workload.ts";

/** The built-in mix on a system under test. */
export interface ShopSource extends MixOptions {
  kind: "shop";
  target: URL;
  /** Whether answers are read, and remembered. */
  check: boolean;
}
/** One request, again and again. */
export interface SingleSource extends SingleOptions {
  kind: "single";
}
/** What a file says. */
export interface ScenarioSource {
  kind: "scenario";
  scenario: Scenario;
  targets: Targets;
  seed: number;
}
export type Source = ShopSource | SingleSource | ScenarioSource;

/** Bearer tokens by tenant index, asked of the target; null where the load goes without. */
export type Tokens = readonly string[] | null;

export async function askTokens(source: Source, timeoutMs: number): Promise<Tokens> {
  return source.kind === "shop" ? fetchTokens(source.target, source.tenants, timeoutMs) : null;
}

/**
 * The workload, ready to be sent: whatever has to be asked of the target beforehand (tokens, a setup) has been.
 * @param tokens what another process has asked already.
 */
export async function prepareWorkload(source: Source, timeoutMs: number, tokens?: Tokens): Promise<Workload> {
  switch (source.kind) {
    case "single":
      return createSingleWorkload(source);
    case "scenario":
      return createScenarioWorkload(source, timeoutMs);
    case "shop": {
      const asked = tokens === undefined ? await askTokens(source, timeoutMs) : tokens;
      return createMixWorkload(source.target, source, asked, source.check);
    }
  }
}

/** The workload as `--print-schedule` shows it: no target is asked for anything. */
export function offlineWorkload(source: Source): Workload {
  switch (source.kind) {
    case "single":
      return createSingleWorkload(source);
    case "scenario":
      return compileScenario(source.scenario, source.targets, source.seed).workload;
    case "shop":
      return createMixWorkload(source.target, source, null);
  }
}

/** A scenario whose setup has been done. */
export async function createScenarioWorkload(source: ScenarioSource, timeoutMs: number): Promise<Workload> {
  const compiled = compileScenario(source.scenario, source.targets, source.seed);
  await runSetup(compiled, timeoutMs);
  return compiled.workload;
}
