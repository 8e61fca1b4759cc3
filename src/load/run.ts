/**
 * Runs a load: sends what the arrivals and the workload say when they say it, and reports each second and the end.
 * @module
 */
import {
  goodOf,
  type LoadRecord,
  type LoadSummary,
  type Outcome,
  type SaturationLimits,
  type Shard,
  type Stage,
} from "../model/load.ts";
import {
  type ArrivalModel,
  type Arrivals,
  createArrivals,
  durationOf,
  meanRate,
  peakRate,
} from "./arrivals.ts";
import { Exchange, type ExchangeSink, HttpClient } from "./client.ts";
import { Pacer } from "./pace.ts";
import { LoadRecorder, type Recorded } from "./recorder.ts";
import { sockets } from "./sockets.ts";
import type { WireRequest, Workload } from "./workload.ts";

export interface LoadOptions {
  workload: Workload;
  stages: readonly Stage[];
  arrivals: ArrivalModel;
  seed: number;
  timeoutMs: number;
  /** Per origin. */
  maxConnections: number;
  /** Per origin: requests on their way or waiting, at most. */
  maxInFlight: number;
  shard: Shard;
  /** Unix epoch milliseconds to start at; null: now. */
  startAt: number | null;
  limits: SaturationLimits;
}

export interface LoadHooks {
  /** Takes each record as it is made. What it throws ends the load at once. */
  emit(record: LoadRecord): void;
  /** When aborted, nothing more is sent; requests on their way still get their time. */
  signal?: AbortSignal;
}

/**
 * Above 50 ms of slip bursts form that no client asked for, and the added wait is as large as a healthy system's whole
 * latency. Latency still counts from the intended time.
 */
export const DEFAULT_LIMITS: SaturationLimits = { slip_p99_ms: 50, dropped_share: 0 };

export const WHOLE: Shard = { index: 0, of: 1 };

/** Requests sent in one go when behind schedule, before answers get a turn. */
const MAX_BURST = 64;

const TICK_MS = 1_000;

/**
 * Connections opened before the clock starts: one for every so many requests per second, as a target needs that answers
 * within 10 ms. A load of 80,000 rps would begin with thousands of requests waiting for the first to open.
 */
const RATE_PER_EARLY = 100;
const MOST_EARLY = 256;
/** A target that lets nobody in meanwhile meets the load as it is. */
const EARLY_MS = 500;
/** Between the last of that and an appointed start. */
const SETTLE_MS = 20;

class LoadExchange extends Exchange<LoadExchange> implements Recorded {
  constructor(
    { payload, wantsBody, isHead, judge, operation, tenant }: WireRequest,
    intendedAt: number,
    readonly offsetMs: number,
  ) {
    super(payload, wantsBody, isHead, judge, intendedAt);
    this.operation = operation;
    this.tenant = tenant;
  }

  readonly operation: number;
  readonly tenant: number;
}

class LoadRun implements ExchangeSink<LoadExchange> {
  readonly #options: LoadOptions;
  readonly #hooks: LoadHooks;
  readonly #recorder: LoadRecorder;
  readonly #clients: readonly HttpClient<LoadExchange>[];
  /** The start, on the clock of performance.now() and on the wall's. */
  #startedAt = 0;
  #tStart = 0;
  #due = 0;
  #sent = 0;
  #dropped = 0;
  #ended = 0;
  #ticks = 0;
  #defect: { error: unknown } | null = null;

  constructor(options: LoadOptions, hooks: LoadHooks) {
    this.#options = options;
    this.#hooks = hooks;
    const { workload, maxConnections, maxInFlight, timeoutMs } = options;
    this.#recorder = new LoadRecorder(workload.operations, workload.tenants);
    this.#clients = workload.origins.map(
      (origin) => new HttpClient({ origin, maxConnections, maxInFlight, timeoutMs }, this),
    );
  }

  /** Opens the first connections and sets the clock. */
  async #begin(): Promise<void> {
    const { workload, stages, seed, shard, startAt, maxConnections } = this.#options;
    const peak = peakRate(stages) / shard.of;
    const early = Math.min(maxConnections, MOST_EARLY, Math.floor(peak / RATE_PER_EARLY));
    // The start does not wait for them.
    const withinMs = startAt === null ? EARLY_MS : Math.min(EARLY_MS, startAt - Date.now() - SETTLE_MS);
    if (early > 0) await Promise.all(this.#clients.map((client) => client.openEarly(early, withinMs)));
    const now = performance.now();
    this.#startedAt = startAt === null ? now : startAt - Date.now() + now;
    this.#tStart = Math.round(startAt ?? Date.now());
    this.#hooks.emit({
      kind: "start",
      t_start: this.#tStart,
      rate: meanRate(stages),
      stages: [...stages],
      seed,
      targets: [...workload.targets],
      operations: [...workload.operations],
      tenants: workload.tenants,
      shard,
    });
  }

  onDispatched(exchange: LoadExchange, at: number): void {
    this.#recorder.dispatched(at - exchange.intendedAt);
  }

  onSent(): void {
    this.#sent++;
  }

  onEnded(exchange: LoadExchange, outcome: Outcome, at: number): void {
    this.#ended++;
    if (outcome === "dropped") this.#dropped++;
    const service = exchange.sentAt === null ? null : at - exchange.sentAt;
    this.#recorder.ended(exchange, outcome, at - exchange.intendedAt, service);
  }

  onDefect(error: unknown): void {
    this.#defect ??= { error };
  }

  async finish(): Promise<LoadSummary> {
    try {
      await this.#begin();
      const undrive = sockets().drive();
      const sentForMs = await this.#drive().finally(undrive);
      const summary = this.#summary(sentForMs);
      this.#hooks.emit(summary);
      return summary;
    } finally {
      for (const client of this.#clients) client.close();
    }
  }

  get #pending(): number {
    let sum = 0;
    for (const client of this.#clients) sum += client.pending;
    return sum;
  }

  /** Sends everything, waits for the last answers, and returns for how long it sent, in milliseconds. */
  async #drive(): Promise<number> {
    const { arrivals, stages, seed, shard, workload } = this.#options;
    const pacer = new Pacer(
      sockets(),
      workload.origins.some(({ tls }) => tls !== null),
    );
    const arrivalOf: Arrivals = createArrivals(arrivals, stages, seed);
    let index = -1;
    const nextArrival: Arrivals = () => {
      let at = arrivalOf();
      for (index++; index % shard.of !== shard.index; index++) at = arrivalOf();
      return at;
    };
    let next = nextArrival();
    let endMs = durationOf(stages) * 1_000;
    let ended = 0;
    for (;;) {
      if (this.#defect) throw this.#defect.error;
      const now = performance.now() - this.#startedAt;
      if (this.#hooks.signal?.aborted && endMs > now) endMs = Math.max(0, now);
      for (let burst = 0; next <= now && next < endMs && burst < MAX_BURST; burst++) {
        this.#issue(index, next);
        next = nextArrival();
      }
      while (now >= (this.#ticks + 1) * TICK_MS) this.#tick();
      const sending = next < endMs;
      if (!sending && now >= endMs && this.#pending === 0) break;
      const deadline = sending ? next : endMs > now ? endMs : Number.POSITIVE_INFINITY;
      const traffic = { busy: this.#ended !== ended, silent: this.#pending === 0 };
      ended = this.#ended;
      const turn = pacer.pause(Math.min(deadline, (this.#ticks + 1) * TICK_MS) - now, now, traffic);
      if (turn !== null) await turn;
    }
    if (this.#recorder.hasDeltas) this.#tick();
    return endMs;
  }

  #issue(index: number, offsetMs: number): void {
    this.#due++;
    const request = this.#options.workload.request(index, offsetMs);
    const exchange = new LoadExchange(request, this.#startedAt + offsetMs, offsetMs);
    this.#clients[request.origin]?.send(exchange);
  }

  #tick(): void {
    const record = this.#options.workload.takeRecord?.();
    this.#hooks.emit({
      kind: "tick",
      tick: ++this.#ticks,
      due: this.#due,
      sent: this.#sent,
      late: this.#recorder.late,
      in_flight: this.#pending,
      ...this.#recorder.takeSlip(),
      deltas: this.#recorder.takeDeltas(),
      ...(record && { record }),
    });
  }

  #summary(sentForMs: number): LoadSummary {
    const { workload, stages, seed, arrivals, shard, limits } = this.#options;
    const operations = this.#recorder.operations();
    const slip = this.#recorder.slip();
    return {
      kind: "summary",
      targets: [...workload.targets],
      rate: meanRate(stages),
      stages: [...stages],
      seed,
      arrivals,
      shard,
      t_start: this.#tStart,
      duration_s: Math.round(sentForMs) / 1_000,
      requests: this.#due,
      goodput_rps: goodput(operations, sentForMs / 1_000),
      late: this.#recorder.late,
      dropped: this.#dropped,
      slip: slip.summary,
      slip_histogram: slip.data,
      limits,
      generator_saturated: isSaturated(slip.summary.p99_ms, this.#dropped, this.#due, limits),
      operation_names: [...workload.operations],
      operations,
    };
  }
}

/** Requests per second that ended well, to the thousandth. */
export function goodput(operations: LoadSummary["operations"], seconds: number): number {
  const succeeded = Object.values(operations).reduce((sum, each) => sum + goodOf(each.outcomes), 0);
  return seconds > 0 ? Math.round((succeeded * 1_000) / seconds) / 1_000 : 0;
}

export function isSaturated(
  slipP99Ms: number,
  dropped: number,
  due: number,
  limits: SaturationLimits,
): boolean {
  return slipP99Ms > limits.slip_p99_ms || dropped > limits.dropped_share * due;
}

/** Runs a load to its end, or until `hooks.signal` stops it, and returns the summary. */
export function runLoad(options: LoadOptions, hooks: LoadHooks): Promise<LoadSummary> {
  return new LoadRun(options, hooks).finish();
}
