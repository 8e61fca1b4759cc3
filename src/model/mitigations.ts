/**
 * The mitigations of the system under test, by name: what can be switched, and what each does.
 * @module
 */

export const MITIGATIONS = [
  "timeout",
  "retry_budget",
  "breaker",
  "bulkhead",
  "shedding",
  "degradation",
  "catalog_fallback",
  "health_off_pool",
  "draining",
  "outbox",
  "safe_clocks",
] as const;
export type Mitigation = (typeof MITIGATIONS)[number];

/** One line each, for help and documentation. */
export const MITIGATION_SUMMARIES: Readonly<Record<Mitigation, string>> = {
  timeout: "every call has a time limit, and a request's remaining budget travels along in x-deadline-ms",
  retry_budget: "retries wait (exponential, full jitter) and share a budget: one retry for ten calls",
  breaker:
    "a dependency that fails ten calls in a row, or half of them, is left alone for 2 s, then tried once",
  bulkhead: "reads and writes have workers and connections apart, and payments calls slots of their own",
  shedding: "an adaptive concurrency limit refuses what is too much at once, writes before reads",
  degradation: "an order whose payment gives no answer is accepted as pending, and settled later",
  catalog_fallback: "product data come from Redis when catalog does not give them",
  health_off_pool: "health checks wait for no worker and no connection that requests use",
  draining: "a node that stops says so first; the api sends only to replicas that say they are ready",
  outbox: "an order is committed before it is charged; a retried checkout finds the order it made",
  safe_clocks: "lease, caches and tokens go by monotonic and database time; writes check the lease's token",
};

/**
 * The mitigations that `all`, `none`, a comma list or a list of names stands for, in the registry's order.
 * @throws RangeError with one line that names what is accepted.
 */
export function parseMitigations(given: string | readonly string[]): Mitigation[] {
  if (given === "all") return [...MITIGATIONS];
  if (given === "none") return [];
  const names = typeof given === "string" ? given.split(",").map((name) => name.trim()) : given;
  const unknown = names.find((name) => !MITIGATIONS.some((known) => known === name));
  if (unknown !== undefined) {
    throw new RangeError(
      `no such mitigation: ${JSON.stringify(unknown)}; accepted: all, none, or of ${MITIGATIONS.join(", ")}`,
    );
  }
  return MITIGATIONS.filter((known) => names.includes(known));
}

/** `all`, `none` or the names, as {@link parseMitigations} takes them. */
export function mitigationsText(names: readonly Mitigation[]): string {
  if (names.length === 0) return "none";
  return names.length === MITIGATIONS.length ? "all" : names.join(",");
}
