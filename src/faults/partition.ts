/**
 * `partition`: nothing passes between the target and the peer, or anyone; senders are not told. Unlike the faults that a
 * process upholds it does not end with its owner: the guard or `chaoslab down` takes it back.
 * @module
 */
import { defineFault } from "./fault.ts";
import { dropRules } from "./network/drop-rules.ts";
import { checkPeer } from "./network/flow.ts";

export const partition = defineFault({
  type: "partition",
  check: checkPeer("partition"),
  backends: [dropRules],
});
