/**
 * Rules for a Prometheus that watches the system: its SLIs as series of their own, and alerts for SLOs that are out of
 * their bound and for stop conditions.
 * @module
 */
import { OPERATIONS, type ShopOperation } from "../../model/load.ts";
import type { Slo, StopCondition } from "../../model/schedule.ts";
import {
  BUILTIN_SLIS,
  type Comparison,
  type Sli,
  showBound,
  type Threshold,
  threshold,
} from "../../model/sli.ts";
import { baseUnitOf, inBaseUnit, latencyQuery, promqlOf, requestRateQuery } from "./promql.ts";

export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A file of rules, as Prometheus reads it. */
export interface RuleFile {
  groups: { name: string; interval: string; rules: Rule[] }[];
}

/** Rates are over five seconds: five scrapes of the lab's own Prometheus, so that a change shows within them. */
export const WINDOW = "5s";
const INTERVAL = "1s";

/** Names of operations in series. */
export const SERIES: Readonly<Record<ShopOperation, string>> = {
  "POST /orders": "write",
  "GET /orders/{id}": "read",
};

/** Quantiles that are recorded beside the SLIs, by suffix. */
export const QUANTILES: readonly (readonly [suffix: string, quantile: number])[] = [
  ["p50", 0.5],
  ["p99", 0.99],
  ["p999", 0.999],
];

/** Name of an SLI's series: `sli:write_p99:seconds`. */
export const sliSeries = (name: string, sli: Pick<Sli, "unit">): string =>
  `sli:${name}:${baseUnitOf[sli.unit]}`;

/** Every SLI that has a query as a series, and rate and quantiles of each operation at the api. */
export function recordingRules(slis: Readonly<Record<string, Sli>>): RuleFile {
  const rules = Object.entries(slis).flatMap(([name, sli]): Rule[] => {
    const expr = promqlOf(sli, WINDOW);
    return expr === null ? [] : [{ record: sliSeries(name, sli), expr }];
  });
  const operations = OPERATIONS.flatMap((operation): Rule[] => [
    { record: `api:${SERIES[operation]}_requests:rate${WINDOW}`, expr: requestRateQuery(operation, WINDOW) },
    ...QUANTILES.map(([suffix, quantile]) => ({
      record: `api:${SERIES[operation]}_seconds:${suffix}_${WINDOW}`,
      expr: latencyQuery(operation, quantile, WINDOW),
    })),
  ]);
  return {
    groups: [
      { name: "slis", interval: INTERVAL, rules },
      { name: "operations", interval: INTERVAL, rules: operations },
    ],
  };
}

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" };

/** What holds while the series is out of the bound. */
function outside(name: string, sli: Sli, { comparison, value }: Threshold): string {
  return `${sliSeries(name, sli)} ${OPPOSITE[comparison]} ${inBaseUnit(value, sli.unit)}`;
}

/**
 * An alert for each SLO that has a series, once it is out of its steady bound for ten seconds, and for each stop condition.
 * @throws {RangeError} for a bound that is none in the SLI's unit: a schedule's are checked when it is read.
 */
export function alertRules(
  slis: Readonly<Record<string, Sli>>,
  slos: Readonly<Record<string, Slo>>,
  stops: readonly StopCondition[],
): RuleFile {
  const rules = Object.entries(slos).flatMap(([name, { steady }]): Rule[] => {
    const sli = slis[name];
    if (!sli || promqlOf(sli, WINDOW) === null) return [];
    const bound = threshold(steady, sli);
    return [
      {
        alert: "SloOutOfBound",
        expr: outside(name, sli, bound),
        for: "10s",
        labels: { sli: name, severity: "warning" },
        annotations: { summary: `${name} is not ${showBound(bound, sli.unit)}` },
      },
    ];
  });
  const conditions = stops.flatMap(({ sli: name, threshold: condition, for_s }): Rule[] => {
    const sli = slis[name];
    if (!sli || promqlOf(sli, WINDOW) === null) return [];
    const limit = threshold(condition, sli);
    return [
      {
        alert: "StopCondition",
        expr: `${sliSeries(name, sli)} ${limit.comparison} ${inBaseUnit(limit.value, sli.unit)}`,
        for: `${for_s}s`,
        labels: { sli: name, severity: "critical" },
        annotations: {
          summary: `${name} ${showBound(limit, sli.unit)} for ${for_s} s: the experiment is to be given up`,
        },
      },
    ];
  });
  const watch: Rule[] = [
    {
      alert: "NodeDown",
      expr: 'up{job="services"} == 0 or chaoslab_postgres_up == 0 or chaoslab_redis_up == 0',
      for: "5s",
      labels: { severity: "warning" },
      annotations: { summary: "{{ $labels.instance }}{{ $labels.node }} does not answer" },
    },
    {
      alert: "FaultInForce",
      expr: "chaoslab_fault_active == 1",
      labels: { severity: "info" },
      annotations: { summary: "{{ $labels.type }} on {{ $labels.target }} by {{ $labels.backend }}" },
    },
  ];
  return {
    groups: [
      { name: "slos", interval: INTERVAL, rules },
      { name: "stop conditions", interval: INTERVAL, rules: conditions },
      { name: "watch", interval: INTERVAL, rules: watch },
    ],
  };
}

/** What the system is watched for. */
export interface Watch {
  slis: Readonly<Record<string, Sli>>;
  slos: Readonly<Record<string, Slo>>;
  stops: readonly StopCondition[];
}

/** Where no schedule says more: the system's SLOs, and readers before all. */
export const DEFAULT_WATCH: Watch = {
  slis: BUILTIN_SLIS,
  slos: {
    write_error_rate: { steady: "< 0.1 %", fault: "< 1 %" },
    write_p99: { steady: "< 250 ms", fault: "< 1 s" },
    read_availability: { steady: ">= 99.9 %", fault: ">= 99.9 %" },
  },
  stops: [{ sli: "read_error_rate", threshold: "> 1 %", for_s: 5 }],
};
