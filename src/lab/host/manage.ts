/** What commands share about labs on this host: clearing remains, and the document that describes one. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import { openFaults } from "../../faults/journal.ts";
import type { FaultEvent } from "../../model/fault.ts";
import type { Mitigation } from "../../model/mitigations.ts";
import type { Lab, NodeStatus } from "../lab.ts";
import { readMitigations } from "../mitigations.ts";
import { isAlive } from "../process.ts";
import { findLab, type HostLab, type LabState } from "./lab.ts";
import { proxiesOf, proxyServer } from "./proxies.ts";
import { teardown } from "./teardown.ts";
import { PROMETHEUS_NODE } from "./topology.ts";

/**
 * Makes way for a new lab of this name: removes what a crash or a reboot left of an old one.
 * @throws {ChaoslabError} kind `busy` when a living lab has the name.
 */
export async function clearRemains(name: string, say: (line: string) => void): Promise<void> {
  const old = findLab(name);
  if (!old) return;
  const supervisor = old.record.supervisor;
  const living = old.state !== "rebooted" && supervisor !== null && isAlive(supervisor);
  if (living) {
    throw new ChaoslabError(
      "busy",
      `lab ${name} is already up or booting`,
      `chaoslab status --lab ${name}, or chaoslab down`,
    );
  }
  say(`removing what is left of an earlier lab ${name} (${old.state})`);
  await teardown(name, () => {});
}

/** What `status --json` and `up --json` print. */
export interface LabDocument {
  lab: string;
  /** `attached`: it is not for chaoslab to start or to end; its nodes tell how it is. */
  state: LabState | "attached";
  /** Null where chaoslab did not choose it. */
  subnet: string | null;
  /** Base URL of the system under test's api; null for a system that is not chaoslab's. */
  api: string | null;
  created_at: string | null;
  /** The server of the proxies that services reach each other through, and how many these are; null: directly. */
  toxiproxy: { url: string; proxies: number } | null;
  /** Address of its Prometheus; null in a lab without. */
  prometheus: string | null;
  /** What its services are switched to. */
  mitigations: Mitigation[];
  nodes: NodeStatus[];
  faults: FaultEvent[];
}

/** The same of a lab that chaoslab did not boot. */
export async function attachedDocument(lab: Lab): Promise<LabDocument> {
  return {
    lab: lab.name,
    state: "attached",
    subnet: null,
    api: lab.shop?.api ?? null,
    created_at: null,
    toxiproxy: null,
    prometheus: null,
    mitigations: lab.shop ? readMitigations(lab.shop.mitigationsFile) : [],
    nodes: await lab.nodes(),
    faults: openFaults(lab.paths.journal).map((open) => open.event),
  };
}

export async function labDocument(lab: HostLab): Promise<LabDocument> {
  const { state } = lab;
  const server = proxyServer(lab.record);
  return {
    lab: lab.name,
    state,
    subnet: lab.topology.cidr,
    api: lab.apiUrl,
    created_at: lab.record.created_at,
    toxiproxy: server && { url: server.url, proxies: proxiesOf(lab.record).length },
    prometheus: lab.record.prometheus ? lab.topology.url(PROMETHEUS_NODE) : null,
    mitigations: readMitigations(lab.paths.mitigations),
    nodes: state === "ready" ? await lab.nodes() : [],
    faults: openFaults(lab.paths.journal).map((open) => open.event),
  };
}
