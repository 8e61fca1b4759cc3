/**
 * What an injector may touch, as plain data. Faults know a Target, never how the lab made it.
 * @module
 */
export interface Target {
  /** Node name, e.g. `payments`. */
  name: string;
  /** IPv4 address of the node on the lab's network. */
  address: string;
  /**
   * Path of the node's network namespace, e.g. `/run/netns/chaoslab-lab-payments` or `/proc/4711/ns/net`. Null where the
   * node has the host's own network, which no fault may touch.
   */
  netns: string | null;
  /** Inode of the namespace, where `netns` is a process's and may come to be another one's. */
  netnsId?: number;
  /** The node's interface inside its namespace, e.g. `eth0`. */
  device: string;
  /**
   * Where packets between nodes are forwarded: every packet to or from the node crosses this namespace's FORWARD hook.
   * Null where the lab has no such place: then a fault acts in the node's own namespace.
   */
  fabric: {
    netns: string;
    /** The fabric's end of the node's link: what is sent here reaches the node. */
    device: string;
  } | null;
  /**
   * The node's own cgroup, the same group in each hierarchy: one folder on v2, one per controller's hierarchy on v1. With
   * `tree` the node has no group to itself: it is this process and what that has started. Null for a place without
   * processes.
   */
  cgroup: { version: 1 | 2; dirs: readonly string[]; tree?: { pid: number; starttime: number } } | null;
  /** The signal by which the node is asked to end in order. */
  stopSignal: NodeJS.Signals;
  /** The node's own volume, if it has one. */
  volume: Volume | null;
  /** Base URL of the node's HTTP service, if it is one. */
  url: string | null;
  /** Who starts the node again when it dies; null when nothing does. */
  supervisor: Supervision | null;
  /** Proxies that stand before the node; null in a lab whose nodes talk directly. */
  links: Links | null;
}

/**
 * `lab`: the lab's supervisor, by its unix socket. `docker`: the engine, by its socket and the container's id; `restarts`
 * tells after which ends it starts the container again. Another start is another namespace and another cgroup.
 */
export type Supervision =
  | { by: "lab"; socket: string }
  | { by: "docker"; socket: string; container: string; restarts: "always" | "on-failure" | "never" };

export interface Volume {
  /** Mount point, as this process sees it. */
  path: string;
  /**
   * How to find it again from elsewhere: it is mounted at `destination` in a container, and the engine has it at `source`.
   * Null: always at `path`.
   */
  of: { socket: string; container: string; destination: string; source: string } | null;
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
