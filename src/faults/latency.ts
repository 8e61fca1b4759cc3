/**
 * `latency`: every packet that leaves the target is held for `delay_ms`, give or take `jitter_ms`. As the way
 * back is not delayed, each round trip with the target costs `delay_ms` more. Jitter is drawn per packet and
 * independently, so packets may overtake each other, as with netem.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { defineFault } from "./fault.ts";
import { netem } from "./network/netem.ts";
import { nfqueue } from "./network/nfqueue.ts";

export const latency = defineFault({
  type: "latency",
  check({ params, target, peer }) {
    if ((params.peer ?? null) !== (peer?.name ?? null)) {
      throw new ChaoslabError("internal", `latency: peer ${params.peer} was looked up as ${peer?.name}`);
    }
    if (peer?.name === target.name) {
      throw new ChaoslabError("badConfig", `latency: ${target.name} cannot be its own peer`);
    }
  },
  backends: [netem, nfqueue],
});
