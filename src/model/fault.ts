/**
 * Faults as data: what is asked for, what was done, and what undoes it.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";

/** Wire names of the fault types this build can inject. */
export const FAULT_TYPES = ["latency"] as const;
export type FaultType = (typeof FAULT_TYPES)[number];

export const LatencyParams = Type.Object(
  {
    /** Added to each packet that leaves the target, in milliseconds. */
    delay_ms: Type.Number({ exclusiveMinimum: 0, maximum: 60_000 }),
    /** Each packet's delay is uniform in delay_ms +/- jitter_ms, as netem's default. Must not exceed delay_ms. */
    jitter_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
    /** Only packets towards this node. Default: towards every node. */
    peer: Type.Optional(Type.String()),
    /** Seed of the jitter. netem has its own generator and ignores it. */
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
  },
  { additionalProperties: false },
);
export type LatencyParams = Static<typeof LatencyParams>;

/** `fault` of a hypothesis. */
export const FaultSpec = Type.Object(
  {
    type: Type.Union(FAULT_TYPES.map((type) => Type.Literal(type))),
    /** Node of the lab. */
    target: Type.String({ minLength: 1 }),
    params: LatencyParams,
  },
  { additionalProperties: false },
);
export type FaultSpec = Static<typeof FaultSpec>;

/** What the kernel or the target said about the fault while it was active. */
export interface Evidence {
  /** False when nothing shows that the fault touched any traffic. */
  landed: boolean;
  /** Packets the fault acted on. */
  packets: number;
  /** Mean delay measured per packet, in milliseconds, where the backend can tell. */
  mean_delay_ms: number | null;
  /** Packets dropped by the backend (queue overflow); zero in a healthy fault. */
  dropped: number;
  /** The same in words. */
  detail: string;
}

/** One injected fault, as recorded in verdicts. Times are Unix epoch milliseconds. */
export interface FaultEvent {
  id: string;
  fault_type: FaultType;
  target: string;
  params: LatencyParams;
  /** Mechanism used, e.g. `netem` or `nfqueue`. */
  backend: string;
  t_start: number;
  /** Null while the fault is active. */
  t_stop: number | null;
  evidence: Evidence | null;
}
