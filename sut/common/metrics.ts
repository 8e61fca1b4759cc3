/**
 * The metrics every service has. Names follow Prometheus: base units, `_total` for counters.
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { DependencyError, type DependencyFailure } from "./dependency.ts";
import type { Slots } from "./pool.ts";
import { watchRuntime } from "./runtime-metrics.ts";

/** 1 ms to 10 s; an observation beyond lands in +Inf. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10];

/** `ok`: an answer that can be used. */
export type DependencyOutcome = "ok" | DependencyFailure;

export class Metrics {
  readonly registry = new Registry();
  /** Requests being handled now. */
  inFlight = 0;

  readonly #pools: { pool: Slots; inPlay: () => boolean }[] = [];
  readonly #requests: Counter<"route" | "method" | "status">;
  readonly #durations: Histogram<"route" | "method">;
  readonly #calls: Counter<"dependency">;
  readonly #callsTo = new Map<string, { inc(): void }>();
  readonly #attempts: Counter<"dependency">;
  readonly #timeouts: Counter<"dependency">;
  readonly #dependencies: Histogram<"dependency" | "outcome">;

  /** @param node value of the label `node` on every metric. */
  constructor(node: string) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ node });
    this.#requests = new Counter({
      name: "chaoslab_http_requests_total",
      help: "Requests answered.",
      labelNames: ["route", "method", "status"],
      registers,
    });
    this.#durations = new Histogram({
      name: "chaoslab_http_request_duration_seconds",
      help: "From the request's arrival to its answer.",
      labelNames: ["route", "method"],
      buckets: SECONDS,
      registers,
    });
    this.level("chaoslab_http_requests_in_flight", "Requests being handled.", () => this.inFlight);
    this.#calls = new Counter({
      name: "chaoslab_dependency_calls_total",
      help: "Calls wanted of a dependency, before any retry.",
      labelNames: ["dependency"],
      registers,
    });
    this.#timeouts = new Counter({
      name: "chaoslab_timeouts_total",
      help: "Calls towards a dependency that were given up for lack of time.",
      labelNames: ["dependency"],
      registers,
    });
    this.#attempts = new Counter({
      name: "chaoslab_dependency_attempts_total",
      help: "Calls begun towards a dependency, retries included.",
      labelNames: ["dependency"],
      registers,
    });
    this.#dependencies = new Histogram({
      name: "chaoslab_dependency_duration_seconds",
      help: "Duration of one attempt, without waiting for a pool.",
      labelNames: ["dependency", "outcome"],
      buckets: SECONDS,
      registers,
    });
    this.#poolGauge("chaoslab_pool_size", "Slots of the pool.", (pool) => pool.size);
    this.#poolGauge("chaoslab_pool_in_use", "Slots taken.", (pool) => pool.inUse);
    this.#poolGauge("chaoslab_pool_waiting", "Work waiting for a slot.", (pool) => pool.waiting);
    watchRuntime(this.registry);
  }

  /**
   * A pool whose gauges are exported under its name.
   * @param inPlay false while no work comes to it: then it is shown only if there still is some in it.
   */
  pool<P extends Slots>(pool: P, inPlay: () => boolean = () => true): P {
    this.#pools.push({ pool, inPlay });
    return pool;
  }

  /** A counter of the service's own. */
  counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  /** A gauge of the service's own with one value per label, read at each scrape. */
  gauge(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, level] of read()) this.set({ [label]: value }, level);
      },
    });
  }

  /** A gauge without labels, read at each scrape. */
  level(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** @param startedMs as `performance.now()` gave it when the request arrived. */
  answered(route: string, method: string, status: number, startedMs: number): void {
    this.#requests.inc({ route, method, status });
    this.#durations.observe({ route, method }, (performance.now() - startedMs) / 1_000);
  }

  /** Counts and times one attempt. The attempt counts from its start, so that one that hangs is seen. */
  async attempt<T>(dependency: string, call: () => Promise<T>): Promise<T> {
    this.attemptBegun(dependency);
    const startedMs = performance.now();
    try {
      const result = await call();
      this.attemptEnded(dependency, "ok", performance.now() - startedMs);
      return result;
    } catch (error) {
      const outcome = error instanceof DependencyError ? error.outcome : "error";
      if (outcome === "timeout") this.timedOut(dependency);
      this.attemptEnded(dependency, outcome, performance.now() - startedMs);
      throw error;
    }
  }

  /** One call, of however many attempts. */
  called(dependency: string): void {
    let calls = this.#callsTo.get(dependency);
    // Looking a counter up by its labels costs more than all else here, and this is done for every statement.
    if (!calls) {
      calls = this.#calls.labels({ dependency });
      this.#callsTo.set(dependency, calls);
    }
    calls.inc();
  }

  attemptBegun(dependency: string): void {
    this.#attempts.inc({ dependency });
  }

  attemptEnded(dependency: string, outcome: DependencyOutcome, durationMs: number): void {
    this.#dependencies.observe({ dependency, outcome }, durationMs / 1_000);
  }

  /** Counts a call that was given up. */
  timedOut(dependency: string): void {
    this.#timeouts.inc({ dependency });
  }

  #poolGauge(name: string, help: string, read: (pool: Slots) => number): void {
    const shown = () => this.#pools.filter(({ pool, inPlay }) => inPlay() || pool.inUse > 0);
    this.gauge(name, help, "pool", () => shown().map(({ pool }) => [pool.name, read(pool)] as const));
  }
}
