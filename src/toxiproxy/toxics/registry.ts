import type { ToxicType } from "../toxic.ts";
import { bandwidth } from "./bandwidth.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";

const TYPES: readonly ToxicType[] = [latency, bandwidth, slowClose, timeout, resetPeer, slicer, limitData];

export const TOXIC_TYPES: ReadonlyMap<string, ToxicType> = new Map(TYPES.map((each) => [each.type, each]));
