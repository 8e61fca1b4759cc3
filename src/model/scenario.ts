/**
 * The scenario: which requests a load is made of, as a committed file. Texts may hold variables, `${name}`.
 * @module
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";

const strict = { additionalProperties: false } as const;
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);

const NAME = "lower-case letters, digits and dashes, 40 at most, e.g. shop-eu";
const Name = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,39}$", description: NAME });
const VARIABLE = "lower-case letters, digits and underscores, 40 at most, e.g. order_id";
const VARIABLE_PATTERN = "^[a-z][a-z0-9_]{0,39}$";
const byName = <T extends TSchema>(value: T) =>
  Type.Record(Name, value, { ...strict, minProperties: 1, description: NAME });
const byVariable = <T extends TSchema>(value: T) =>
  Type.Record(Type.String({ pattern: VARIABLE_PATTERN }), value, { ...strict, description: VARIABLE });
/** What a name in statistics may be: `GET /orders/{id}`. A colon ends it in a threshold. */
const Label = Type.String({
  pattern: "^[^:\\x00-\\x1f\\x7f]{1,80}$",
  description: "a text of 1 to 80 characters without a colon",
});

export const TlsTrust = Type.Object(
  {
    /** Take any certificate. */
    insecure: optional(Type.Boolean()),
    /** File of certificates (PEM) to trust besides the system's; a relative path starts at the scenario's folder. */
    ca: optional(Type.String({ minLength: 1 })),
  },
  strict,
);

/** Either `count`, and the names are tenant-01, tenant-02, ...; or `names`. */
export const Tenants = Type.Object(
  {
    count: optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    names: optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 10_000 })),
    /** `uniform` (default), or `zipf`: tenant k makes 1/k of what the first makes. */
    weights: optional(Type.Union([Type.Literal("uniform"), Type.Literal("zipf")])),
  },
  strict,
);

const Whole = Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });

/** Exactly one of `int`, `choice`, `uuid` and `string`. Each value is a function of the seed and the request's index. */
export const Variable = Type.Object(
  {
    /** Uniform from `min` to `max`, both included; `digits`: padded with zeros to so many. */
    int: optional(
      Type.Object(
        { min: Whole, max: Whole, digits: optional(Type.Integer({ minimum: 1, maximum: 20 })) },
        strict,
      ),
    ),
    choice: optional(
      Type.Array(
        Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
          description: "a text, a number, true or false",
        }),
        { minItems: 1, maxItems: 10_000 },
      ),
    ),
    /** Of the choices, in their order; default: all alike. */
    weights: optional(Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 })),
    /** RFC 9562, version 4. */
    uuid: optional(Type.Literal(true)),
    /** Digits and lower-case letters. */
    string: optional(Type.Object({ length: Type.Integer({ minimum: 1, maximum: 10_000 }) }, strict)),
  },
  strict,
);

const JSON_PATH = "a path such as id or items.0.id";
const jsonPath = { pattern: "^[^.]+(\\.[^.]+)*$", description: JSON_PATH } as const;

/** Exactly one of `json` and `header`. */
export const Capture = Type.Object(
  {
    /** Where in the answer's JSON body: names and array indices, separated by dots. */
    json: optional(Type.String(jsonPath)),
    header: optional(Type.String({ minLength: 1 })),
    /** The value until there is an answer to take it from. */
    initial: optional(Type.String({ minLength: 1 })),
  },
  strict,
);

const Status = Type.Union([
  Type.Integer({ minimum: 200, maximum: 599 }),
  ...([2, 3, 4, 5] as const).map((hundreds) => Type.Literal(`${hundreds}xx` as const)),
]);

/** What a good answer is. */
export const Expectation = Type.Object(
  {
    /** Default: every status below 400. */
    status: optional(
      Type.Union([Status, Type.Array(Status, { minItems: 1 })], {
        description: "a status such as 200 or 2xx, or a list of them",
      }),
    ),
    /** Path to value in the answer's JSON body. */
    json: optional(
      Type.Record(
        Type.String({ pattern: jsonPath.pattern }),
        Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
          description: "a text, a number, true, false or null",
        }),
        { ...strict, minProperties: 1, description: JSON_PATH },
      ),
    ),
    body_contains: optional(Type.String({ minLength: 1 })),
  },
  strict,
);

const request = {
  /** Default: the only target. */
  target: optional(Name),
  method: Type.String({ pattern: "^[A-Z]{1,20}$", description: "a method such as GET or PUT" }),
  /** Path and query, put after the target's own path. Variables are percent-encoded. */
  path: Type.String({ pattern: "^/", description: "a path that begins with /" }),
  /** Variables stand in values only. */
  headers: optional(Type.Record(Type.String(), Type.String())),
  /** Text as it is sent. */
  body: optional(Type.String()),
  /**
   * Value sent as JSON. Variables stand in its strings; a string that is nothing but one variable is sent as that
   * variable's value: a number for an `int` without `digits` and for `index`, for a choice what was listed.
   */
  json: optional(Type.Unknown()),
  expect: optional(Expectation),
  capture: optional(byVariable(Capture)),
} as const;

export const SetupRequest = Type.Object(
  {
    name: Label,
    /** Once for each tenant instead of once, as the first tenant, for all of them. */
    per_tenant: optional(Type.Boolean()),
    ...request,
  },
  strict,
);

export const ScenarioOperation = Type.Object(
  {
    name: Label,
    ...request,
    /** Share of the requests, relative to the other operations'. Default: 1. */
    weight: optional(Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 })),
    /** Thresholds, e.g. `p99 < 250 ms` or `error_rate < 1 % for 10s`. */
    slo: optional(Type.Array(Type.String())),
  },
  strict,
);

/** How the load is offered unless flags say otherwise; texts as on the command line. */
export const LoadDefaults = Type.Object(
  {
    /** Requests per second, or a ramp: 100..2000. */
    rate: optional(
      Type.Union([Type.Number(), Type.String()], { description: "a rate such as 100 or 100..2000" }),
    ),
    /** Duration, e.g. 30s. */
    for: optional(Type.String()),
    /** e.g. `500 for 30s, 500..2000 for 1m`; instead of `rate` and `for`. */
    stages: optional(Type.String()),
    arrivals: optional(Type.Union([Type.Literal("poisson"), Type.Literal("constant")])),
    /** Duration. */
    timeout: optional(Type.String()),
    /** Most connections per target. */
    connections: optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  },
  strict,
);

export const Scenario = Type.Object(
  {
    name: Name,
    description: optional(Type.String()),
    /** Default: 1. */
    seed: optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
    /** Base URL by name. */
    targets: byName(Type.String()),
    /** By the name of a target. */
    tls: optional(byName(TlsTrust)),
    /** Default: one. */
    tenants: optional(Tenants),
    variables: optional(byVariable(Variable)),
    /** Made in this order before the load; the first unexpected answer ends everything. */
    setup: optional(Type.Array(SetupRequest, { maxItems: 100 })),
    operations: Type.Array(ScenarioOperation, { minItems: 1, maxItems: 1_000 }),
    load: optional(LoadDefaults),
  },
  strict,
);

export type Scenario = Static<typeof Scenario>;
export type Variable = Static<typeof Variable>;
export type Capture = Static<typeof Capture>;
export type Expectation = Static<typeof Expectation>;
export type SetupRequest = Static<typeof SetupRequest>;
export type ScenarioOperation = Static<typeof ScenarioOperation>;
/** What a setup request and an operation have in common. */
export type RequestSpec = Pick<ScenarioOperation, "name" | keyof typeof request>;
export type LoadDefaults = Static<typeof LoadDefaults>;
export type Tenants = Static<typeof Tenants>;
export type TlsTrust = Static<typeof TlsTrust>;
