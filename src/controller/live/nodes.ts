/** What the page shows of each node: pure functions over the supervisor's word and the node's scrapes. @module */
import { poolSamples } from "../../experiment/pools.ts";
import type { NodeStatus } from "../../lab/lab.ts";
import type { Sample } from "../../observe/exposition.ts";
import type { BreakerState, CallsView, NodeView } from "./wire.ts";

/** What one service exposed at one time, Unix epoch milliseconds. */
export interface NodeScrape {
  t: number;
  samples: readonly Sample[];
}

const BREAKER_STATES: readonly BreakerState[] = ["closed", "half-open", "open"];

/**
 * @param all what the supervisor says of every node; null: it did not answer.
 * @param scrapes the last two, in order; fewer: they failed. Null: the node has no metrics.
 */
export function nodeView(
  name: string,
  all: readonly NodeStatus[] | null,
  scrapes: { before: NodeScrape | null; now: NodeScrape | null } | null,
): NodeView {
  const now = scrapes?.now;
  const status = all?.find((each) => each.name === name);
  /** The api has a breaker for each replica of orders, by its address. */
  const named = (dependency: string): string =>
    all?.find(({ address, port }) => dependency.endsWith(` ${address}:${port}`))?.name ?? dependency;
  return {
    name,
    state: status?.state ?? null,
    restarts: status?.restarts ?? 0,
    last_exit: status?.last_exit ?? null,
    has_metrics: scrapes !== null,
    metrics: now
      ? {
          pools: poolSamples([{ node: name, ...now }]).map(({ pool, size, in_use, waiting }) => ({
            pool,
            size,
            in_use,
            waiting,
          })),
          calls: callsOf(scrapes.before, now).map((calls) => ({
            ...calls,
            dependency: named(calls.dependency),
          })),
        }
      : null,
  };
}

function callsOf(before: NodeScrape | null, now: NodeScrape): CallsView[] {
  const calls = byDependency(now, "chaoslab_dependency_calls_total");
  const retries = byDependency(now, "chaoslab_retries_total");
  const earlier = {
    calls: before && byDependency(before, "chaoslab_dependency_calls_total"),
    retries: before && byDependency(before, "chaoslab_retries_total"),
  };
  const elapsedS = before ? (now.t - before.t) / 1_000 : 0;
  /** Null when it is not known: no scrape before, or a restart since. */
  const perSecond = (dependency: string, after: Numbers, first: Numbers | null): number | null => {
    if (!first || elapsedS <= 0) return null;
    const grown = (after.get(dependency) ?? 0) - (first.get(dependency) ?? 0);
    return grown >= 0 ? grown / elapsedS : null;
  };
  const states = breakers(now);
  return [...new Set([...calls.keys(), ...states.keys()])].sort().map((dependency) => ({
    dependency,
    calls_per_s: perSecond(dependency, calls, earlier.calls),
    retries_per_s: perSecond(dependency, retries, earlier.retries),
    breaker: states.get(dependency) ?? null,
  }));
}

type Numbers = ReadonlyMap<string, number>;

function byDependency({ samples }: NodeScrape, metric: string): Numbers {
  const own = samples.filter(({ name, labels }) => name === metric && labels.dependency !== undefined);
  return new Map(own.map(({ labels, value }) => [labels.dependency ?? "", value]));
}

/** A breaker that is switched off says that it is closed, which is nothing to show. */
function breakers(now: NodeScrape): ReadonlyMap<string, BreakerState> {
  const isOn = now.samples.some(
    ({ name, labels, value }) =>
      name === "chaoslab_mitigation_enabled" && labels.mitigation === "breaker" && value === 1,
  );
  if (!isOn) return new Map();
  const levels = byDependency(now, "chaoslab_breaker_state");
  return new Map([...levels].map(([dependency, level]) => [dependency, BREAKER_STATES[level] ?? "open"]));
}
