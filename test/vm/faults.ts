/**
 * Every fault on a stock kernel. A new fault: a `faultCheck` in the file of its kind.
 * @module
 */
import { bandwidthChecks } from "./bandwidth-faults.ts";
import type { Check } from "./check.ts";
import { endingChecks } from "./endings.ts";
import { nodeChecks } from "./node-faults.ts";
import { packetChecks } from "./packet-faults.ts";

export const faultChecks: readonly Check[] = [
  ...packetChecks,
  ...bandwidthChecks,
  ...nodeChecks,
  ...endingChecks,
];
