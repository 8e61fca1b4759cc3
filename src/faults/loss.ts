/**
 * `loss`: a share of the target's packets never arrives. With `correlation_percent` losses come in bursts, after the
 * model of `lossChain` in network/impairment.ts. By nfqueue the share is of packets as they are on the wire: a large send
 * is many packets.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const loss = defineFault({
  type: "loss",
  check: checkPeer("loss"),
  backends: [netem, nfqueue],
});
