/**
 * `latency`: every packet that leaves the target (or reaches it) is held for `delay_ms`, give or take `jitter_ms`. As the
 * other way is not delayed, each round trip with the target costs `delay_ms` more. Jitter is drawn per packet and
 * independently, so packets may overtake each other, as with netem. With `loss_percent` a share of them is lost.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const latency = defineFault({
  type: "latency",
  check: checkPeer("latency"),
  backends: [netem, nfqueue],
});
