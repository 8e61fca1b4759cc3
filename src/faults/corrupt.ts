/**
 * `corrupt`: in a share of the target's packets one random bit is flipped. Checksums are left as they were, so that the
 * receiver's kernel finds out and drops the packet: UDP loses it, TCP sends it again.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const corrupt = defineFault({
  type: "corrupt",
  check: checkPeer("corrupt"),
  backends: [netem, nfqueue],
});
