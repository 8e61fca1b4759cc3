/**
 * The load of a schedule: the built-in mix on the shop, or a scenario on any system.
 * @module
 */
import { type Static, Type } from "@sinclair/typebox";
import { OPERATIONS, type Operation } from "./load.ts";

const strict = { additionalProperties: false } as const;

const Rate = Type.Number({
  exclusiveMinimum: 0,
  maximum: 100_000,
  description: "offered load in requests per second, or { from: ramp.json }",
});
/** A user gives up after this many seconds from the intended send time. */
const TimeoutS = Type.Number({ minimum: 0.1, maximum: 120 });

/** The built-in mix on the shop. */
export const ShopLoad = Type.Object(
  {
    rate: Rate,
    /** Share of GET /orders/{id}; the rest is POST /orders. */
    reads: Type.Number({ minimum: 0, maximum: 1 }),
    tenants: Type.Integer({ minimum: 1, maximum: 99 }),
    timeout_s: TimeoutS,
  },
  strict,
);

/** Any system: the requests of a scenario, at this rate and with this patience whatever its own `load` says. */
export const ScenarioLoad = Type.Object(
  {
    scenario: Type.String({ minLength: 1, description: "a path relative to this file" }),
    rate: Rate,
    timeout_s: TimeoutS,
  },
  strict,
);

/** Of a scenario, what a run and its verdict need. */
export interface LoadScenario {
  name: string;
  /** Absolute. */
  path: string;
  /** The file's text, as it was checked. */
  source: string;
  /** Names, in the order of the file. */
  operations: readonly Operation[];
  /** Share of the requests, 0 to 1, by the name of the operation. */
  shares: Readonly<Record<Operation, number>>;
  /** Names by tenant index. */
  tenants: readonly string[];
}

export type Load =
  | (Static<typeof ShopLoad> & { scenario: null })
  | (Omit<Static<typeof ScenarioLoad>, "scenario"> & { scenario: LoadScenario });

/** What the requests of a load are, in the order of its records. */
export const operationsOf = ({ scenario }: Load): readonly Operation[] => scenario?.operations ?? OPERATIONS;
