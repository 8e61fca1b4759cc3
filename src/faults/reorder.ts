/**
 * `reorder`: a share of the target's packets goes at once, the others take `delay_ms`, so that packets less than that apart
 * overtake each other.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const reorder = defineFault({
  type: "reorder",
  check: checkPeer("reorder"),
  backends: [netem, nfqueue],
});
