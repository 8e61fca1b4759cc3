/**
 * What an injector may touch. Faults know a Target, never how the lab made it.
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
}
