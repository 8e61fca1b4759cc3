/**
 * Faults as data: what is asked for, what was done, and what the kernel or the target said about it.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { FAULT_TYPES } from "./params.ts";

export { FAULT_TYPES, type FaultType } from "./params.ts";

/** `fault` of a hypothesis. The params' own schema is PARAMS[type]. */
export const FaultSpec = Type.Object(
  {
    type: Type.Union(FAULT_TYPES.map((type) => Type.Literal(type))),
    /** Node of the lab. */
    target: Type.String({ minLength: 1 }),
    params: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false },
);
export type FaultSpec = Static<typeof FaultSpec>;

export const Evidence = Type.Object({
  /** False when nothing shows that the fault took hold. */
  landed: Type.Boolean(),
  /** In words, for people. */
  detail: Type.String(),
  /** What was counted or measured, by name with its unit: `packets`, `mean_delay_ms`, `dropped_packets`, `throttled_periods`. */
  measures: Type.Record(Type.String(), Type.Number()),
});
export type Evidence = Static<typeof Evidence>;

export const newFaultId = (): string => `f-${crypto.randomUUID().slice(0, 8)}`;
export const isFaultId = (text: string): boolean => /^f-[0-9a-f]{8}$/.test(text);

/** One injected fault, as recorded in verdicts. Times are Unix epoch milliseconds. */
export const FaultEvent = Type.Object({
  id: Type.String(),
  fault_type: Type.Union(FAULT_TYPES.map((type) => Type.Literal(type))),
  target: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown()),
  /** Mechanism used, e.g. `netem` or `nfqueue`. */
  backend: Type.String(),
  t_start: Type.Number(),
  /** Null while the fault is active. */
  t_stop: Type.Union([Type.Number(), Type.Null()]),
  evidence: Type.Union([Evidence, Type.Null()]),
  /** After `t_stop`, whether the kernel or the target shows nothing of it any more. Null: active, or nobody could look. */
  gone: Type.Union([Type.Boolean(), Type.Null()]),
  /** What is still to be seen of it; where nobody could look after `t_stop`, why. Else null. */
  remains: Type.Union([Type.String(), Type.Null()]),
});
export type FaultEvent = Static<typeof FaultEvent>;

/** What is to be said of a fault that was taken back and is not known to be gone; null when there is nothing to say. */
export function leftOf({ t_stop, gone, remains }: FaultEvent): string | null {
  if (t_stop === null || gone === true) return null;
  return gone === false ? `of it remains: ${remains}` : remains;
}
