/**
 * The nodes of a lab that watch the others: what they run, and the files that their Prometheus reads.
 * @module
 */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfCommand } from "../../cli/self.ts";
import type { ScrapeTarget } from "../../observe/prometheus/config.ts";
import { prometheusFiles } from "../../observe/prometheus/files.ts";
import { inNamespace } from "../netns.ts";
import { answers, asUser, type LabContext, type NodeSpec, withoutCapabilities } from "./nodes.ts";
import { stateRoot } from "./record.ts";
import { EXPORTER_NODE, type NodeName, PORTS, PROMETHEUS_NODE, SERVICES, stopSignalOf } from "./topology.ts";

/** As long as a long game day. */
const RETENTION = "6h";

/** What a Prometheus scrapes. @param hostOf address or name of a node. */
export function scrapeTargets(hostOf: (node: NodeName) => string): ScrapeTarget[] {
  const at = (job: ScrapeTarget["job"], node: NodeName): ScrapeTarget => ({
    job,
    instance: node,
    address: `${hostOf(node)}:${PORTS[node]}`,
  });
  return [
    ...SERVICES.map((node) => at("services", node)),
    at("exporter", EXPORTER_NODE),
    at("prometheus", PROMETHEUS_NODE),
  ];
}

/** Writes the configuration and makes the folder of its data. */
export function writePrometheusFiles({ topology, paths, programs }: LabContext): void {
  mkdirSync(paths.prometheus, { recursive: true });
  for (const [name, text] of Object.entries(
    prometheusFiles(scrapeTargets((node) => topology.address(node))),
  )) {
    writeFileSync(join(paths.prometheus, name), text);
  }
  const data = paths.data(PROMETHEUS_NODE);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (programs.prometheus) chownSync(data, programs.prometheus.user.uid, programs.prometheus.user.gid);
}

/** Both, in a lab that was booted with them. */
export function observerSpecs({
  topology,
  paths,
  programs,
}: LabContext): Partial<Record<NodeName, NodeSpec>> {
  if (!programs.prometheus) return {};
  const address = topology.address(EXPORTER_NODE);
  const exporter = ["--lab", topology.lab, "--host", address, "--port", String(PORTS[EXPORTER_NODE])];
  const { program, user } = programs.prometheus;
  return {
    [EXPORTER_NODE]: {
      name: EXPORTER_NODE,
      argv: inNamespace(
        topology.netns(EXPORTER_NODE),
        withoutCapabilities(selfCommand("exporter", ...exporter)),
      ),
      // It finds the lab's record where this process does.
      env: { CHAOSLAB_HOME: stateRoot() },
      stopSignal: stopSignalOf(EXPORTER_NODE),
      ready: () => answers(`${topology.url(EXPORTER_NODE)}/healthz`),
    },
    [PROMETHEUS_NODE]: {
      name: PROMETHEUS_NODE,
      argv: inNamespace(
        topology.netns(PROMETHEUS_NODE),
        asUser(user, [
          program,
          `--config.file=${join(paths.prometheus, "prometheus.yml")}`,
          `--storage.tsdb.path=${paths.data(PROMETHEUS_NODE)}`,
          `--storage.tsdb.retention.time=${RETENTION}`,
          `--web.listen-address=${topology.address(PROMETHEUS_NODE)}:${PORTS[PROMETHEUS_NODE]}`,
        ]),
      ),
      env: {},
      stopSignal: stopSignalOf(PROMETHEUS_NODE),
      ready: () => answers(`${topology.url(PROMETHEUS_NODE)}/-/ready`),
    },
  };
}
