/** Where the page's numbers come from: the lab's services and its supervisor. @module */
import { existsSync } from "node:fs";
import { ChaoslabError } from "../../cli/errors.ts";
import type { HostLab } from "../../lab/host/lab.ts";
import type { NodeStatus } from "../../lab/host/supervisor.ts";
import { type NodeName, SERVICES } from "../../lab/host/topology.ts";

/** Each answers within a second, or throws. */
export interface Sources {
  /** Every node, in order of the lab's plan. */
  names: readonly NodeName[];
  /** Those that have metrics; the api is one. */
  services: readonly NodeName[];
  /** The text of a service's /metrics. */
  scrape: (service: NodeName) => Promise<string>;
  status: () => Promise<NodeStatus[]>;
}

const TIMEOUT_MS = 900;

export function labSources(lab: HostLab): Sources {
  const { topology } = lab;
  return {
    names: topology.nodes,
    services: SERVICES,
    scrape: async (service) => {
      // A lab that was taken down under us has no route any more: its addresses would leave this host.
      if (!existsSync(`/sys/class/net/${topology.hostDevice}`))
        throw new ChaoslabError("labFailed", "the lab is gone");
      const answer = await fetch(`${topology.url(service)}/metrics`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await answer.text();
      if (!answer.ok) throw new ChaoslabError("labFailed", `${service}: /metrics answered ${answer.status}`);
      return text;
    },
    status: () => lab.nodes(TIMEOUT_MS),
  };
}
