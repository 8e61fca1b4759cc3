/**
 * What an injector may touch, as plain data. Faults know a Target, never how the lab made it.
 * @module
 */
export interface Target {
  /** Node name, e.g. `payments`. */
  name: string;
  /** IPv4 address of the node on the lab's network. */
  address: string;
  /** Path of the node's network namespace, e.g. `/run/netns/chaoslab-lab-payments`. */
  netns: string;
  /** The node's interface inside its namespace, e.g. `eth0`. */
  device: string;
  /** Where packets between nodes are forwarded: every packet to or from the node crosses this namespace's FORWARD hook. */
  fabric: {
    netns: string;
    /** The fabric's end of the node's link: what is sent here reaches the node. */
    device: string;
  };
  /**
   * The node's own cgroup, the same group in each hierarchy: one folder on v2, one per controller's hierarchy on v1.
   * Null for a place without processes.
   */
  cgroup: { version: 1 | 2; dirs: readonly string[] } | null;
  /** The signal by which the node is asked to end in order. */
  stopSignal: NodeJS.Signals;
  /** Mount point of the node's own sized volume, if it has one. */
  volume: string | null;
  /** Base URL of the node's HTTP service, if it is one. */
  url: string | null;
  /** Unix socket of the supervisor that starts the node again when it dies; null when nothing does. */
  supervisor: string | null;
  /** Proxies that stand before the node; null in a lab whose nodes talk directly. */
  links: Links | null;
}

/** Links to one node, each through a proxy of its own on a Toxiproxy server. */
export interface Links {
  server: ProxyServer;
  proxies: readonly {
    /** Name on the server. */
    name: string;
    /** The node that connects through it. */
    from: string;
  }[];
}

export interface ProxyServer {
  /** Base URL of its API. */
  url: string;
  /** File with the token that each request must carry. None: null. */
  tokenFile: string | null;
  /** Group of its process, which its proxies and toxics die with; null where the lab does not run it. */
  cgroup: Target["cgroup"];
}
