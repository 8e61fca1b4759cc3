/**
 * One scrape's worth of samples of things that keep their own totals.
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";

type Labels = Readonly<Record<string, string>>;

export class Samples {
  readonly registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  /** A level, or null where it is not known: then there is no sample. */
  gauge(name: string, help: string, labels: Labels, value: number | null): void {
    let gauge = this.#gauges.get(name);
    if (!gauge) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.registry] });
      this.#gauges.set(name, gauge);
    }
    if (value !== null && !Number.isNaN(value)) gauge.set(labels, value);
  }

  /** A total that somebody else keeps; null where it is not known. */
  counter(name: string, help: string, labels: Labels, total: number | null): void {
    let counter = this.#counters.get(name);
    if (!counter) {
      counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.registry] });
      this.#counters.set(name, counter);
    }
    if (total !== null && total >= 0) counter.inc(labels, total);
  }
}

/** Whatever can be asked for samples. It does not throw: what it cannot learn it leaves out, and says by an `_up` of 0. */
export interface Source extends AsyncDisposable {
  collect(samples: Samples): Promise<void>;
}

/** How long a source may take: less than the second from one scrape to the next. */
export const SCRAPE_TIMEOUT_MS = 800;

/** The work's result, or null when it throws or takes too long. */
export async function inTime<T>(work: Promise<T>, timeoutMs = SCRAPE_TIMEOUT_MS): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), timeoutMs);
  try {
    return await Promise.race([work.catch(() => null), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
