/**
 * Reads a scenario file. What is wrong is reported by file, line, column and field, before anything is sent.
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "../../cli/errors.ts";
import { parseYaml, readConfig } from "../../config/yaml-file.ts";
import { Scenario } from "../../model/scenario.ts";
import { originOf } from "../workload.ts";
import { checkScenario } from "./rules.ts";
import type { Targets } from "./workload.ts";

export const loadScenario = (file: string): Scenario => parseScenario(readConfig(file), file);

/** Parses and checks a scenario. `file` is for messages only. */
export function parseScenario(source: string, file: string): Scenario {
  const { value, fail } = parseYaml(source, file, Scenario, "a scenario");
  checkScenario(value, fail);
  return value;
}

/**
 * The targets of a scenario, with the certificates they trust.
 * @param file where the scenario is.
 * @param others base URLs that take the place of the scenario's own, by name.
 */
export function targetsOf(scenario: Scenario, file: string, others: ReadonlyMap<string, URL>): Targets {
  return new Map(
    Object.entries(scenario.targets).map(([name, text]) => {
      const url = others.get(name) ?? new URL(text);
      const { insecure = false, ca } = scenario.tls?.[name] ?? {};
      const pem =
        ca === undefined ? null : readCertificates(resolve(dirname(file), ca), `${file}: tls.${name}.ca`);
      return [name, { url, origin: originOf(url, { verify: !insecure, ca: pem }) }];
    }),
  );
}

function readCertificates(file: string, field: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "no such file" : reasonOf(error);
    throw new ChaoslabError("badConfig", `${field}: ${file}: ${why}`);
  }
}
