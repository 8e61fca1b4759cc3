/** SLIs as a schedule declares them, resolved. @module */
import type { SliDeclaration } from "../model/schedule.ts";
import { loadSli, type Sli } from "../model/sli.ts";
import { parseSelector } from "../observe/selector.ts";

/** What is wrong with a field of a declaration. */
export interface Wrong {
  field: string;
  message: string;
}

/** Fields that go with each source. */
const FIELDS = {
  measure: ["operation", "measure"],
  metric: ["metric", "per", "nodes", "value", "across", "unit", "over"],
  query: ["query", "unit", "over"],
} as const satisfies Record<string, readonly (keyof SliDeclaration)[]>;
type Source = keyof typeof FIELDS;

/** The SLI, or what is wrong with its declaration. */
export function resolveSli(declared: SliDeclaration): Sli | Wrong {
  const sources = (Object.keys(FIELDS) as Source[]).filter((source) => declared[source] !== undefined);
  const [source, second] = sources;
  if (!source)
    return { field: "", message: "needs one of measure (of the load), metric (scraped), query (Prometheus)" };
  if (second) return { field: second, message: `does not go with ${source}: an SLI has one source` };
  const accepted: readonly string[] = FIELDS[source];
  const stray = Object.keys(declared).find((field) => !accepted.includes(field));
  if (stray)
    return { field: stray, message: `does not go with ${source}; accepted here: ${accepted.join(", ")}` };
  const { operation, measure, metric, per, nodes, value, across, query, unit, over } = declared;
  if (measure !== undefined) {
    if (operation === undefined) return { field: "measure", message: "needs operation beside it" };
    return loadSli(operation, measure);
  }
  const common = { unit: unit ?? "count", over: over ?? "max" } as const;
  if (query !== undefined) return { source: "prometheus", query, ...common };
  for (const [field, selector] of [
    ["metric", metric],
    ["per", per],
  ] as const) {
    const parsed = selector === undefined ? null : parseSelector(selector);
    if (typeof parsed === "string") return { field, message: parsed };
  }
  if (per !== undefined && value === "gauge")
    return { field: "value", message: "per takes rates, not gauges" };
  return {
    source: "metrics",
    metric: metric ?? "",
    ...(per === undefined ? {} : { per }),
    ...(nodes === undefined ? {} : { nodes }),
    value: per === undefined ? (value ?? "gauge") : "rate",
    across: across ?? "sum",
    ...common,
    // A ratio of rates is a share unless it is said to be something else.
    unit: unit ?? (per === undefined ? "count" : "share"),
  };
}
