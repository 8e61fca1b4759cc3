/**
 * Every file that a Prometheus beside the system reads.
 * @module
 */
import { stringify } from "yaml";
import { prometheusConfig, RULE_FILES, type ScrapeTarget } from "./config.ts";
import { alertRules, DEFAULT_WATCH, recordingRules, type Watch } from "./rules.ts";

const HEADER = "# Made by chaoslab; a change here is lost when it is made again.\n";

/** The text of a file that is made. */
export const madeYaml = (document: unknown): string => HEADER + stringify(document, { lineWidth: 0 });

/** Text by file name. */
export function prometheusFiles(
  targets: readonly ScrapeTarget[],
  { slis, slos, stops }: Watch = DEFAULT_WATCH,
): Record<string, string> {
  const [slisFile, alertsFile] = RULE_FILES;
  return {
    "prometheus.yml": madeYaml(prometheusConfig(targets)),
    [slisFile]: madeYaml(recordingRules(slis)),
    [alertsFile]: madeYaml(alertRules(slis, slos, stops)),
  };
}
