/** Where the page's numbers come from: the lab's services and its supervisor. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import type { Lab, NodeStatus } from "../../lab/lab.ts";

/** Each answers within a second, or throws. */
export interface Sources {
  /** Every node, in order of the lab's plan. */
  names: readonly string[];
  /** Those that have metrics; the api is one. */
  services: readonly string[];
  /** The text of a service's /metrics. */
  scrape: (service: string) => Promise<string>;
  status: () => Promise<NodeStatus[]>;
}

const TIMEOUT_MS = 900;

export function labSources(lab: Lab): Sources {
  return {
    names: lab.nodeNames,
    services: [...lab.services.keys()],
    scrape: async (service) => {
      if (!lab.isReachable()) throw new ChaoslabError("labFailed", "the lab is gone");
      const answer = await fetch(`${lab.services.get(service)}/metrics`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await answer.text();
      if (!answer.ok) throw new ChaoslabError("labFailed", `${service}: /metrics answered ${answer.status}`);
      return text;
    },
    status: () => lab.nodes(TIMEOUT_MS),
  };
}
