/**
 * The schedule: what a run does, as a committed file. Field names of a hypothesis are fixed by the data model:
 * `{name, sli, steady_state, slo_threshold, fault, window_s, stop_condition}`.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { FaultSpec } from "./fault.ts";
import { SLI_NAMES, type SliName } from "./sli.ts";

const strict = { additionalProperties: false } as const;
const Name = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,39}$" });
const Seconds = (minimum: number) => Type.Integer({ minimum, maximum: 86_400 });
const Sli = Type.Union(SLI_NAMES.map((name) => Type.Literal(name)));

export const Load = Type.Object(
  {
    /** Offered load in requests per second; arrivals do not wait for answers. In the file perhaps `{ from: ramp.json }`. */
    rate: Type.Number({ exclusiveMinimum: 0, maximum: 100_000 }),
    /** Share of GET /orders/{id}; the rest is POST /orders. */
    reads: Type.Number({ minimum: 0, maximum: 1 }),
    tenants: Type.Integer({ minimum: 1, maximum: 10_000 }),
    /** A user gives up after this many seconds from the intended send time. */
    timeout_s: Type.Number({ minimum: 0.1, maximum: 120 }),
  },
  strict,
);

export const Windows = Type.Object(
  {
    /** Load without measuring, while caches and connections warm up. */
    warmup_s: Seconds(0),
    baseline_s: Seconds(5),
    /** Longest observation after the fault's removal. */
    recovery_s: Seconds(10),
  },
  strict,
);

export const QuickWindows = Type.Object({ ...Windows.properties, window_s: Seconds(5) }, strict);

export const Slo = Type.Object(
  {
    /** Bound in the steady state, and again after recovery. */
    steady: Type.String(),
    /** Bound while one fault is active. */
    fault: Type.String(),
  },
  strict,
);

/** Bounds per SLI; those not named are not judged. */
export const Slos = Type.Partial(Type.Record(Sli, Slo), { ...strict, minProperties: 1 });

export const StopCondition = Type.Object(
  {
    sli: Sli,
    /** The breach, e.g. `> 1 %`. */
    threshold: Type.String(),
    /** The fault is reverted when the breach lasted this many seconds in a row. */
    for_s: Type.Integer({ minimum: 1, maximum: 3_600 }),
  },
  strict,
);

export const Hypothesis = Type.Object(
  {
    name: Name,
    /** The indicator this hypothesis is about; every SLO of the schedule is judged besides. */
    sli: Sli,
    steady_state: Type.String(),
    slo_threshold: Type.String(),
    fault: FaultSpec,
    /** How long the fault stays, in seconds. */
    window_s: Seconds(5),
    stop_condition: Type.Optional(StopCondition),
  },
  strict,
);

export const Schedule = Type.Object(
  {
    name: Name,
    description: Type.Optional(Type.String()),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    load: Load,
    windows: Windows,
    /** Shorter windows for `--quick`. */
    quick: Type.Optional(QuickWindows),
    slos: Slos,
    hypotheses: Type.Array(Hypothesis, { minItems: 1, maxItems: 100 }),
  },
  strict,
);

export type Schedule = Static<typeof Schedule>;
export type Slo = Static<typeof Slo>;
export type Hypothesis = Static<typeof Hypothesis>;
export type StopCondition = Static<typeof StopCondition>;
export type Windows = Static<typeof Windows>;
export type Slos = Partial<Record<SliName, Slo>>;
