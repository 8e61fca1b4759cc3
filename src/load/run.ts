/**
 * Runs a load: sends what the arrivals and the mix say when they say it, and reports each second and the end.
 * @module
 */
import type { LoadRecord, LoadSummary, Outcome } from "../model/load.ts";
import { type ArrivalModel, type Arrivals, createArrivals } from "./arrivals.ts";
import { type Exchange, type ExchangeSink, HttpClient } from "./client.ts";
import { createEncoder } from "./http.ts";
import { createMix, type MixOptions } from "./mix.ts";
import { pause } from "./pace.ts";
import { good, LoadRecorder, type Recorded } from "./recorder.ts";

export interface LoadOptions extends MixOptions {
  /** http: URL; a path is put before the operations' paths. */
  target: URL;
  /** Requests per second. */
  rate: number;
  arrivals: ArrivalModel;
  durationMs: number;
  timeoutMs: number;
  maxConnections: number;
}

export interface LoadHooks {
  /** Bearer token by tenant index; null for none. */
  tokens: readonly string[] | null;
  /** Takes each record as it is made. What it throws ends the load at once. */
  emit(record: LoadRecord): void;
  /** When aborted, nothing more is sent; requests on their way still get their time. */
  signal?: AbortSignal;
}

/**
 * Above this the arrival times are no longer the schedule's: bursts form that no client asked for, and the
 * added wait is as large as a healthy system's whole latency. Latency still counts from the intended time.
 */
const SATURATED_SLIP_P99_MS = 50;

/** Requests sent in one go when behind schedule, before answers get a turn. */
const MAX_BURST = 64;

const TICK_MS = 1_000;

interface LoadExchange extends Exchange, Recorded {}

class LoadRun implements ExchangeSink<LoadExchange> {
  readonly #options: LoadOptions;
  readonly #hooks: LoadHooks;
  readonly #recorder: LoadRecorder;
  readonly #client: HttpClient<LoadExchange>;
  readonly #startedAt: number;
  #due = 0;
  #sent = 0;
  #dropped = 0;
  #ticks = 0;
  #defect: { error: unknown } | null = null;

  constructor(options: LoadOptions, hooks: LoadHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#recorder = new LoadRecorder(options.tenants);
    const { target, maxConnections, timeoutMs } = options;
    const hostname = target.hostname.replace(/^\[|\]$/g, "");
    this.#client = new HttpClient(
      { hostname, port: Number(target.port || 80), maxConnections, timeoutMs },
      this,
    );
    this.#hooks.emit({ kind: "start", t_start: Date.now(), rate: options.rate, seed: options.seed });
    this.#startedAt = performance.now();
  }

  onDispatched(exchange: LoadExchange, at: number): void {
    this.#recorder.dispatched(at - exchange.intendedAt);
  }

  onSent(): void {
    this.#sent++;
  }

  onEnded(exchange: LoadExchange, outcome: Outcome, at: number): void {
    if (outcome === "dropped") this.#dropped++;
    this.#recorder.ended(exchange, outcome, at - exchange.intendedAt);
  }

  onDefect(error: unknown): void {
    this.#defect ??= { error };
  }

  async finish(): Promise<LoadSummary> {
    try {
      const sentForMs = await this.#drive();
      const summary = this.#summary(sentForMs);
      this.#hooks.emit(summary);
      return summary;
    } finally {
      this.#client.close();
    }
  }

  /** Sends everything, waits for the last answers, and returns for how long it sent, in milliseconds. */
  async #drive(): Promise<number> {
    const { arrivals, rate, seed, durationMs } = this.#options;
    const nextArrival: Arrivals = createArrivals(arrivals, rate, seed);
    const issue = this.#issuer();
    let next = nextArrival();
    let endMs = durationMs;
    for (;;) {
      if (this.#defect) throw this.#defect.error;
      const now = performance.now() - this.#startedAt;
      if (this.#hooks.signal?.aborted && endMs > now) endMs = now;
      for (let burst = 0; next <= now && next < endMs && burst < MAX_BURST; burst++) {
        issue(next);
        next = nextArrival();
      }
      while (now >= (this.#ticks + 1) * TICK_MS) this.#tick();
      const sending = next < endMs;
      if (!sending && now >= endMs && this.#client.pending === 0) break;
      const deadline = sending ? next : endMs > now ? endMs : Number.POSITIVE_INFINITY;
      await pause(Math.min(deadline, (this.#ticks + 1) * TICK_MS) - now);
    }
    if (this.#recorder.hasDeltas) this.#tick();
    return endMs;
  }

  /** Makes request after request of the mix and hands it to the client. */
  #issuer(): (offsetMs: number) => void {
    const mix = createMix(this.#options);
    const encode = createEncoder(this.#options.target, this.#hooks.tokens);
    return (offsetMs) => {
      const request = mix(this.#due++);
      this.#client.send({
        payload: encode(request),
        intendedAt: this.#startedAt + offsetMs,
        offsetMs,
        operation: request.operation,
        tenant: request.tenant,
      });
    };
  }

  #tick(): void {
    this.#hooks.emit({
      kind: "tick",
      tick: ++this.#ticks,
      due: this.#due,
      sent: this.#sent,
      in_flight: this.#client.pending,
      slip_max_ms: this.#recorder.takeSlipMax(),
      deltas: this.#recorder.takeDeltas(),
    });
  }

  #summary(sentForMs: number): LoadSummary {
    const { target, rate, seed, arrivals } = this.#options;
    const operations = this.#recorder.operations();
    const slip = this.#recorder.slip();
    const succeeded = Object.values(operations).reduce((sum, each) => sum + good(each.outcomes), 0);
    return {
      kind: "summary",
      target: target.href,
      rate,
      seed,
      arrivals,
      duration_s: Math.round(sentForMs) / 1_000,
      requests: this.#due,
      goodput_rps: sentForMs > 0 ? Math.round((succeeded * 1_000_000) / sentForMs) / 1_000 : 0,
      dropped: this.#dropped,
      slip,
      generator_saturated: slip.p99_ms > SATURATED_SLIP_P99_MS || this.#dropped > 0,
      operations,
    };
  }
}

/** Runs a load to its end, or until `hooks.signal` stops it, and returns the summary. */
export function runLoad(options: LoadOptions, hooks: LoadHooks): Promise<LoadSummary> {
  return new LoadRun(options, hooks).finish();
}
