/** What `up --mitigations` and `mitigate` share: names on the command line, and their help. @module */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { MITIGATION_SUMMARIES, type Mitigation, parseMitigations } from "../model/mitigations.ts";

/** @param where what the names were given to, for the error. */
export function mitigationsOf(where: string, text: string): Mitigation[] {
  try {
    return parseMitigations(text);
  } catch (error) {
    throw new ChaoslabError("usage", `${where}: ${reasonOf(error)}`);
  }
}

export function mitigationsHelp(): string {
  const lines = Object.entries(MITIGATION_SUMMARIES).map(([name, what]) => `  ${name.padEnd(16)}  ${what}`);
  return ["Mitigations", ...lines].join("\n");
}
