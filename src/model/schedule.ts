/**
 * The schedule: what a run does, as a committed file. Field names of a hypothesis are fixed by the data model:
 * `{name, sli, steady_state, slo_threshold, fault, window_s, stop_condition}`.
 * @module
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { FaultSpec } from "./fault.ts";
import { OPERATIONS, type Operation } from "./load.ts";
import { MITIGATIONS, type Mitigation, parseMitigations } from "./mitigations.ts";
import { type Load, ScenarioLoad, ShopLoad } from "./schedule-load.ts";
import { ACROSS, MEASURE_NAMES, OVER_TIME, type Sli, UNITS } from "./sli.ts";
import { RESULTS } from "./verdict.ts";

export { type Load, type LoadScenario, operationsOf, ScenarioLoad, ShopLoad } from "./schedule-load.ts";

const strict = { additionalProperties: false } as const;
const NAME = "^[a-z0-9][a-z0-9-]{0,39}$";
const Name = Type.String({ pattern: NAME, description: "lower case letters, digits and -, at most 40" });
const Seconds = (minimum: number) => Type.Integer({ minimum, maximum: 86_400 });
const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Union(values.map((value) => Type.Literal(value as T[number])));
/** Name of an SLI: a built-in one or one of `slis`. */
const SliName = Type.String({
  pattern: "^[a-z][a-z0-9_]{0,39}$",
  description: "an SLI's name, e.g. write_p99",
});
/** One of the load's; which those are, the schema cannot say. */
const OperationName = Type.String({
  minLength: 1,
  maxLength: 80,
  description: "the name of one of the load's operations",
  examples: [...OPERATIONS],
});
const described = <T extends TSchema>(schema: T, description: string): T => ({ ...schema, description });

/** Phases of a run in seconds. Where `window_s` is absent, the hypothesis's own counts. */
export const Profile = Type.Object(
  {
    /** Load without measuring, while caches and connections warm up. */
    warmup_s: Seconds(0),
    baseline_s: Seconds(5),
    /** How long the fault stays, instead of the hypothesis's `window_s`. */
    window_s: Type.Optional(Seconds(1)),
    /** Observation after the fault's removal. */
    recovery_s: Seconds(10),
  },
  strict,
);

/** What a profile is where the schedule does not say. `full` are the windows of the specification. */
export const DEFAULT_PROFILES = {
  full: { warmup_s: 10, baseline_s: 60, recovery_s: 120 },
  quick: { warmup_s: 10, baseline_s: 15, window_s: 30, recovery_s: 25 },
} as const satisfies Record<string, Static<typeof Profile>>;

/**
 * An SLI as it is declared: from the load's record (`operation`, `measure`), from scraped metrics (`metric`), or from a
 * Prometheus server (`query`).
 */
export const SliDeclaration = Type.Object(
  {
    operation: Type.Optional(OperationName),
    measure: Type.Optional(oneOf(MEASURE_NAMES)),
    /** Selector of a service's metric, e.g. `chaoslab_pool_waiting{pool="workers"}`. */
    metric: Type.Optional(Type.String({ minLength: 1 })),
    /** Selector of what `metric` is divided by, both as rates. */
    per: Type.Optional(Type.String({ minLength: 1 })),
    nodes: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true })),
    value: Type.Optional(oneOf(["gauge", "rate"])),
    across: Type.Optional(oneOf(ACROSS)),
    /** PromQL that gives one number. */
    query: Type.Optional(Type.String({ minLength: 1 })),
    unit: Type.Optional(oneOf(UNITS)),
    over: Type.Optional(oneOf(OVER_TIME)),
  },
  strict,
);

export const Slo = Type.Object(
  {
    /** Bound in the steady state, and again after recovery. */
    steady: Type.String(),
    /** Bound while a fault is active. */
    fault: Type.String(),
  },
  strict,
);

export const StopCondition = Type.Object(
  {
    sli: SliName,
    /** The breach, e.g. `> 1 %`. */
    threshold: Type.String(),
    /** The fault is reverted when the breach lasted this many seconds in a row. */
    for_s: Type.Integer({ minimum: 1, maximum: 3_600 }),
  },
  strict,
);

/** How much of each objective's error budget one experiment may spend before it is stopped. */
export const ErrorBudget = Type.Object(
  {
    /** The budget is what the objectives (`steady`) allow in this many days at the schedule's rate. */
    window_days: Type.Number({ exclusiveMinimum: 0, maximum: 366 }),
    /** E.g. `5 %`. */
    max_spend: Type.String({ pattern: "^\\s*\\d+(\\.\\d+)?\\s*%\\s*$", description: "a share such as 5 %" }),
  },
  strict,
);

/** One of several faults of a hypothesis, with its place in the window. */
export const TimedFault = Type.Object(
  {
    ...FaultSpec.properties,
    /** Seconds after the window's begin. Default: 0. */
    at_s: Type.Optional(Seconds(0)),
    /** How long it stays. Default: to the window's end. */
    for_s: Type.Optional(Seconds(1)),
  },
  strict,
);

/** Which mitigations the services run with. */
export const MitigationChoice = Type.Union(
  [oneOf(["all", "none"]), Type.Array(oneOf(MITIGATIONS), { uniqueItems: true })],
  { description: `all, none, or a list of ${MITIGATIONS.join(", ")}` },
);

/** Id of an experiment, e.g. `E2`. */
const EXPERIMENT = "^[A-Z]{1,3}[0-9]{1,3}$";

/** What several hypotheses ask together: bare and mitigated, or one step of a sweep each. */
export const Experiment = Type.Object(
  { title: Type.String({ minLength: 1 }), question: Type.Optional(Type.String()) },
  strict,
);

/** Another schedule whose hypotheses are taken; its load, SLOs, profiles and the rest of it are not. */
const Include = Type.Union(
  [
    Type.String({ minLength: 1 }),
    Type.Object(
      {
        file: Type.String({ minLength: 1 }),
        /** Names of the hypotheses that are meant. Default: all. */
        only: Type.Array(Name, { minItems: 1, uniqueItems: true }),
      },
      strict,
    ),
  ],
  { description: "a path relative to this file, or { file: path, only: [names of hypotheses] }" },
);
export const Includes = Type.Array(Include, { minItems: 1, maxItems: 100 });

export const Hypothesis = Type.Object(
  {
    name: Name,
    description: Type.Optional(Type.String()),
    /** One of the schedule's `experiments`. */
    experiment: Type.Optional(Type.String({ pattern: EXPERIMENT, description: "an id such as E2" })),
    /** Instead of the lab's. */
    mitigations: Type.Optional(MitigationChoice),
    /** The indicator this hypothesis is about; every SLO of the schedule is judged besides. */
    sli: SliName,
    steady_state: Type.String(),
    slo_threshold: Type.String(),
    fault: Type.Optional(FaultSpec),
    /** Instead of `fault`: several, together or staggered. */
    faults: Type.Optional(Type.Array(TimedFault, { minItems: 1, maxItems: 20 })),
    /** How long the fault stays, in seconds. */
    window_s: Seconds(1),
    stop_condition: Type.Optional(StopCondition),
    /** Endpoints that the fault may take out of their SLO; any other one that leaves it is a cascade. */
    blast_radius: Type.Optional(Type.Array(OperationName, { uniqueItems: true })),
    /** What is expected to come out: one result, or any of several. */
    expect: Type.Optional(Type.Union([oneOf(RESULTS), Type.Array(oneOf(RESULTS), { minItems: 1 })])),
  },
  strict,
);

export const Schedule = Type.Object(
  {
    name: Name,
    description: Type.Optional(Type.String()),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    load: Type.Union([ShopLoad, ScenarioLoad]),
    /** The lab that is booted for it. */
    lab: Type.Optional(
      Type.Object(
        {
          /** Default: none; of a lab that is up, those it has. */
          mitigations: Type.Optional(MitigationChoice),
          /** Services reach each other through proxies. Default: where a fault needs it. */
          toxiproxy: Type.Optional(Type.Boolean()),
          /** Seeded orders and products. */
          orders: Type.Optional(Type.Integer({ minimum: 100, maximum: 5_000_000 })),
          products: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
        },
        strict,
      ),
    ),
    profiles: Type.Optional(
      Type.Record(Type.String({ pattern: NAME }), Profile, {
        ...strict,
        description: "lower case letters, digits and -",
      }),
    ),
    /** The one that is used when none is asked for. Default: full. */
    profile: Type.Optional(Name),
    /** SLIs beside the built-in ones. */
    slis: Type.Optional(
      Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_]{0,39}$" }), SliDeclaration, {
        ...strict,
        description: "lower case letters, digits and _",
      }),
    ),
    /** Bounds per SLI; those not named are not judged. */
    slos: Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_]{0,39}$" }), Slo, {
      ...strict,
      minProperties: 1,
      description: "an SLI's name, e.g. write_p99",
    }),
    /** Checked under every hypothesis, besides its own. */
    stop_conditions: Type.Optional(Type.Array(StopCondition, { minItems: 1, maxItems: 20 })),
    error_budget: Type.Optional(ErrorBudget),
    /** Server that answers SLIs with a `query`. */
    prometheus: Type.Optional(
      Type.Object(
        { url: described(Type.String({ pattern: "^https?://\\S+$" }), "http://host:port") },
        strict,
      ),
    ),
    /** Longest that an order may stay pending after recovery, in seconds. */
    pending_bound_s: Type.Optional(Seconds(1)),
    /** How often each hypothesis is run. */
    repeats: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    /** Names of experiments by id. */
    experiments: Type.Optional(
      Type.Record(Type.String({ pattern: EXPERIMENT }), Experiment, {
        ...strict,
        description: "an id such as E2",
      }),
    ),
    /** Gone once the file is read: what is included stands in `hypotheses`, `slis` and `experiments`. */
    include: Type.Optional(Includes),
    hypotheses: Type.Array(Hypothesis, { minItems: 1, maxItems: 100 }),
  },
  strict,
);

/** As it stands in the file. */
export type ScheduleFile = Static<typeof Schedule>;

/** As it is run: its load and SLIs are resolved. */
export type Schedule = Omit<ScheduleFile, "slis" | "load"> & {
  load: Load;
  slis: Readonly<Record<string, Sli>>;
};

export type Slo = Static<typeof Slo>;
export type Slos = Readonly<Record<string, Slo>>;
export type Hypothesis = Static<typeof Hypothesis>;
export type Experiment = Static<typeof Experiment>;
export type Includes = Static<typeof Includes>;
export type StopCondition = Static<typeof StopCondition>;
export type ErrorBudget = Static<typeof ErrorBudget>;
export type TimedFault = Static<typeof TimedFault>;
export type Profile = Static<typeof Profile>;
/** A profile for one hypothesis. */
export type Windows = Profile & { window_s: number };
export type SliDeclaration = Static<typeof SliDeclaration>;

/** What a hypothesis's services are to run with; null: as the lab is. */
export function mitigationsOf(
  { mitigations }: Hypothesis,
  { lab }: Pick<Schedule, "lab">,
): Mitigation[] | null {
  const choice = mitigations ?? lab?.mitigations;
  return choice === undefined ? null : parseMitigations(choice);
}

/** The faults of a hypothesis, as they stand in the file. */
export const specsOf = ({ fault, faults }: Hypothesis): readonly TimedFault[] =>
  faults ?? (fault ? [fault] : []);

/** Everything that ends a hypothesis's fault early: its own condition first, then the schedule's. */
export const stopConditionsOf = (
  { stop_condition }: Hypothesis,
  { stop_conditions = [] }: Pick<Schedule, "stop_conditions">,
): StopCondition[] => [...(stop_condition ? [stop_condition] : []), ...stop_conditions];

/** The faults of a hypothesis with their place in a window of so many seconds; those that would begin after its end, left out. */
export function faultsOf(hypothesis: Hypothesis, windowS: number): Required<TimedFault>[] {
  return specsOf(hypothesis)
    .map(({ at_s = 0, for_s = windowS - at_s, ...fault }) => ({
      ...fault,
      at_s,
      for_s: Math.min(for_s, windowS - at_s),
    }))
    .filter(({ for_s }) => for_s > 0);
}

/** Of the shop, the write path. */
const DEFAULT_BLAST_RADIUS: readonly Operation[] = ["POST /orders"];

/** Endpoints that a hypothesis's fault may take out of their SLO: unless it says so, every one of a scenario. */
export const blastRadiusOf = (
  { blast_radius }: Hypothesis,
  { load }: Pick<Schedule, "load">,
): readonly Operation[] => blast_radius ?? load.scenario?.operations ?? DEFAULT_BLAST_RADIUS;

export const DEFAULT_PENDING_BOUND_S = 30;
