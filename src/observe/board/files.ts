/**
 * Every file that a Grafana reads to show the board.
 * @module
 */
import { madeYaml } from "../prometheus/files.ts";
import { board, boardProvisioning, datasourceProvisioning } from "./board.ts";

/** Where the provisioned boards lie in Grafana's own container. */
const BOARDS = "/var/lib/grafana/dashboards";

/** Text by path. @param prometheus its address as Grafana reaches it. */
export function grafanaFiles(prometheus: string): Record<string, string> {
  return {
    "provisioning/datasources/prometheus.yml": madeYaml(datasourceProvisioning(prometheus)),
    "provisioning/dashboards/chaoslab.yml": madeYaml(boardProvisioning(BOARDS)),
    "dashboards/chaoslab.json": `${JSON.stringify(board(), null, 2)}\n`,
  };
}
