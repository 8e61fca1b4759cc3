/**
 * The params of each fault type, as they stand in schedules and on the wire. Durations are milliseconds, shares are
 * percent from 0 to 100.
 * @module
 */
import { type Static, type TObject, Type } from "@sinclair/typebox";

const strict = { additionalProperties: false } as const;

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
  strict,
);
export type LatencyParams = Static<typeof LatencyParams>;

/** Schema of every fault type's params, by wire name. */
export const PARAMS = {
  latency: LatencyParams,
} as const satisfies Record<string, TObject>;

export type FaultType = keyof typeof PARAMS;
export type ParamsOf<T extends FaultType> = Static<(typeof PARAMS)[T]>;
/** Wire names of the fault types this build can inject. */
export const FAULT_TYPES = Object.keys(PARAMS) as FaultType[];

/** A rule between params that a schema cannot say. */
export interface BrokenRule {
  field: string;
  message: string;
}

/** The first rule that these params, which fit their schema, break; null when none. */
export function brokenRule(type: FaultType, params: Readonly<Record<string, unknown>>): BrokenRule | null {
  const rules: Partial<Record<FaultType, () => BrokenRule | null>> = {
    latency: () => jitterWithinDelay(params as LatencyParams),
  };
  return rules[type]?.() ?? null;
}

function jitterWithinDelay({
  delay_ms,
  jitter_ms = 0,
}: Pick<LatencyParams, "delay_ms" | "jitter_ms">): BrokenRule | null {
  if (jitter_ms <= delay_ms) return null;
  return { field: "jitter_ms", message: `${jitter_ms} is more than delay_ms (${delay_ms})` };
}

/** The node that params name as `peer`, if they do. */
export function peerOf(params: Readonly<Record<string, unknown>>): string | null {
  return typeof params.peer === "string" ? params.peer : null;
}
