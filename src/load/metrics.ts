/**
 * A running load as Prometheus series. Tenants are no label: there may be thousands.
 * @module
 */
import { Counter, Gauge, Histogram as PrometheusHistogram, Registry } from "prom-client";
import { OUTCOMES, type SaturationLimits, type Stage } from "../model/load.ts";
import { rateAt } from "./arrivals.ts";
import type { FollowedTick } from "./counts.ts";
import { bucketBounds, Histogram } from "./histogram.ts";
import { isSaturated } from "./run.ts";

/** Seconds. From a cache's answer to the usual timeouts, two or three to a power of ten. */
const BOUNDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Counts of one operation: by upper bound, the last for what is above all of them. */
interface Tally {
  counts: number[];
  count: number;
  sumS: number;
}

/**
 * A histogram that takes many values at once: one `observe` each would hold the generator up, tens of milliseconds a
 * second at high rates.
 */
class LatencyHistogram extends PrometheusHistogram<"operation"> {
  readonly #name: string;
  readonly #help: string;
  readonly #tallies = new Map<string, Tally>();

  constructor(name: string, help: string, registry: Registry) {
    super({ name, help, labelNames: ["operation"], buckets: [...BOUNDS], registers: [registry] });
    this.#name = name;
    this.#help = help;
  }

  /** A bucket of ours that lies across a bound counts as above it: at most 0.8 % off. */
  addSparse(operation: string, sparse: readonly number[]): void {
    const tally = this.#tallies.get(operation) ?? { counts: BOUNDS.map(() => 0), count: 0, sumS: 0 };
    this.#tallies.set(operation, tally);
    for (let i = 0; i + 1 < sparse.length; i += 2) {
      const [lowest, highest] = bucketBounds(sparse[i] ?? 0);
      const n = sparse[i + 1] ?? 0;
      const at = BOUNDS.findIndex((bound) => highest <= bound * 1e6);
      if (at >= 0) tally.counts[at] = (tally.counts[at] ?? 0) + n;
      tally.count += n;
      tally.sumS += ((lowest + highest) / 2e6) * n;
    }
  }

  /** What a registry and the base class's `get` ask for. */
  async getForPromString() {
    const values = [...this.#tallies].flatMap(([operation, { counts, count, sumS }]) => {
      const sharedLabels = { operation };
      const bucket = (le: number | string, value: number) => ({
        labels: { le },
        sharedLabels,
        value,
        metricName: `${this.#name}_bucket`,
      });
      let below = 0;
      const buckets = BOUNDS.map((bound, i) => {
        below += counts[i] ?? 0;
        return bucket(bound, below);
      });
      return [
        ...buckets,
        bucket("+Inf", count),
        { labels: {}, sharedLabels, value: sumS, metricName: `${this.#name}_sum` },
        { labels: {}, sharedLabels, value: count, metricName: `${this.#name}_count` },
      ];
    });
    return { name: this.#name, help: this.#help, type: "histogram", values, aggregator: "sum" };
  }
}

export class LoadMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "chaoslab_load_requests_total",
    help: "Requests that ended, by operation and outcome.",
    labelNames: ["operation", "outcome"],
    registers: [this.#registry],
  });
  readonly #latency = new LatencyHistogram(
    "chaoslab_load_latency_seconds",
    "Latency of answered requests from the intended send time.",
    this.#registry,
  );
  readonly #inFlight = this.#gauge("in_flight", "Requests sent or waiting, not ended.");
  readonly #offered = this.#gauge("offered_rps", "Requests per second asked for.");
  readonly #slipMax = this.#gauge("slip_max_seconds", "Worst delay of a send in the last second.");
  readonly #saturated = this.#gauge(
    "generator_saturated",
    "1 when the generator, not the target, sets the pace.",
  );
  readonly #late = this.#counter("late_total", "Requests sent more than 10 ms after their time.");
  readonly #dropped = this.#counter("dropped_total", "Requests never sent, for want of a connection.");
  readonly #slip = new Histogram();
  #lateSoFar = 0;
  #droppedSoFar = 0;

  constructor(
    readonly stages: readonly Stage[],
    readonly limits: SaturationLimits,
  ) {}

  tick({ tick, due, late, in_flight, slip, slip_max_ms, deltas }: FollowedTick): void {
    for (const { operation, outcomes, latency } of deltas) {
      for (const outcome of OUTCOMES) {
        const n = outcomes[outcome] ?? 0;
        if (n > 0) this.#requests.inc({ operation, outcome }, n);
      }
      this.#latency.addSparse(operation, latency);
      this.#droppedSoFar += outcomes.dropped ?? 0;
      this.#dropped.inc(outcomes.dropped ?? 0);
    }
    this.#slip.addSparse(slip);
    this.#late.inc(late - this.#lateSoFar);
    this.#lateSoFar = late;
    this.#inFlight.set(in_flight);
    this.#offered.set(rateAt(this.stages, tick - 0.5));
    this.#slipMax.set(slip_max_ms / 1_000);
    const slipP99 = this.#slip.quantile(0.99) / 1_000;
    this.#saturated.set(isSaturated(slipP99, this.#droppedSoFar, due, this.limits) ? 1 : 0);
  }

  /** The exposition, as of the last tick. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `chaoslab_load_${name}`, help, registers: [this.#registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name: `chaoslab_load_${name}`, help, registers: [this.#registry] });
  }
}
