/**
 * `bandwidth`: what the target sends (or what reaches it) passes a bottleneck of `rate_kbit`, Ethernet headers included.
 * @module
 */
import { defineFault } from "./fault.ts";
import { checkPeer } from "./network/flow.ts";
import { htb, tbf } from "./network/shape.ts";

export const bandwidth = defineFault({
  type: "bandwidth",
  check: checkPeer("bandwidth"),
  backends: [tbf, htb],
});
