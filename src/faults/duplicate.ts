/**
 * `duplicate`: a share of the target's packets arrives twice, the copy right behind the original.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const duplicate = defineFault({
  type: "duplicate",
  check: checkPeer("duplicate"),
  backends: [netem, nfqueue],
});
