/**
 * How the provider misbehaves when it is told to. Held in memory: a restart is normal again.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { seeded } from "../../src/model/random.ts";

const BehaviourSchema = Type.Object(
  {
    /** Share of charges answered 503 without charging, 0 to 1. */
    error_rate: Type.Number({ minimum: 0, maximum: 1 }),
    /** Added to every charge, in milliseconds. */
    delay_ms: Type.Number({ minimum: 0, maximum: 600_000 }),
    /** `hang`: nothing is done and no answer comes. `timeout`: the charge is recorded and no answer comes. */
    mode: Type.Union([Type.Literal("normal"), Type.Literal("hang"), Type.Literal("timeout")]),
  },
  { additionalProperties: false },
);
export type Behaviour = Static<typeof BehaviourSchema>;

/** What a change may say; what it leaves out is normal. */
export const BehaviourChange = Type.Partial(BehaviourSchema, { additionalProperties: false });
export type BehaviourChange = Static<typeof BehaviourChange>;

const NORMAL: Behaviour = { error_rate: 0, delay_ms: 0, mode: "normal" };

export class Behaviours {
  #current = NORMAL;
  #random: () => number;

  constructor(private readonly seed: number) {
    this.#random = seeded(seed);
  }

  get current(): Behaviour {
    return this.#current;
  }

  /** Decisions start anew with each change, so that the same change refuses the same charges of a sequence. */
  set(change: BehaviourChange): Behaviour {
    this.#current = { ...NORMAL, ...change };
    this.#random = seeded(this.seed);
    return this.#current;
  }

  reset(): Behaviour {
    return this.set({});
  }

  /** Decides whether the next charge is refused. */
  refuses(): boolean {
    return this.#current.error_rate > 0 && this.#random() < this.#current.error_rate;
  }
}
