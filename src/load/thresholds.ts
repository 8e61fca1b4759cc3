/**
 * Thresholds on a load as people write them: `[operation:] metric cmp value[unit] [for duration]`, e.g.
 * `p99 < 250 ms`, `POST /orders: error_rate < 1 % for 5s`, `rate >= 95 %`.
 * @module
 */
import { ChaoslabError } from "../cli/errors.ts";
import { durationMs } from "../cli/flags.ts";
import { meets, parseThreshold, type Threshold, type Unit } from "../model/sli.ts";
import { type Counts, latencyQuantile } from "./counts.ts";
import type { Histogram } from "./histogram.ts";

/** What is measured: a whole load, or one second of it. */
export interface Window {
  /** Requests that ended in it. */
  counts: Counts;
  /** Latency of the answered ones. */
  sum_ms: number;
  max_ms: number;
  timeout_ms: number;
  /** How long requests were sent in it; 0: not for long enough to tell a rate. */
  seconds: number;
  /** Requests of the whole load due in it, and of these sent within LATE_MS. */
  due: number;
  on_time: number;
  dropped: number;
  slip: Histogram;
}

interface Metric {
  unit: Unit;
  /** Can be told of one operation; false: only of the load as a whole. */
  perOperation: boolean;
  /** Null: no data. */
  of(window: Window): number | null;
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** Of latency from the intended send time, in milliseconds. */
const quantile = (q: number): Metric => ({
  unit: "ms",
  perOperation: true,
  of({ counts, max_ms, timeout_ms }) {
    const value = latencyQuantile(counts, q, timeout_ms);
    if (value === null || (value >= timeout_ms && counts.answered < counts.requests)) return value;
    // A bucket's upper bound must not fail a load whose slowest answer was in time.
    return Math.min(value, max_ms);
  },
});

const METRICS = {
  mean: {
    unit: "ms",
    perOperation: true,
    /** As in the quantiles, a request without an answer counts as the client's timeout. */
    of: ({ counts, sum_ms, timeout_ms }) =>
      share(sum_ms + (counts.requests - counts.answered) * timeout_ms, counts.requests),
  },
  p50: quantile(0.5),
  p90: quantile(0.9),
  p95: quantile(0.95),
  p99: quantile(0.99),
  p999: quantile(0.999),
  max: quantile(1),
  error_rate: {
    unit: "share",
    perOperation: true,
    of: ({ counts }) => share(counts.requests - counts.good, counts.requests),
  },
  availability: {
    unit: "share",
    perOperation: true,
    of: ({ counts }) => share(counts.good, counts.requests),
  },
  /** Requests per second that ended well. */
  goodput: { unit: "rps", perOperation: true, of: ({ counts, seconds }) => share(counts.good, seconds) },
  /** Whether the generator kept its rate: share of the requests due that were sent on time. */
  rate: {
    unit: "share",
    perOperation: false,
    // One due at a second's end may be sent in the next.
    of: ({ on_time, due }) => share(Math.min(on_time, due), due),
  },
  dropped: { unit: "share", perOperation: false, of: ({ dropped, due }) => share(dropped, due) },
  slip_p99: {
    unit: "ms",
    perOperation: false,
    of: ({ slip }) => (slip.count > 0 ? slip.quantile(0.99) / 1_000 : null),
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];
export const metricOf = (name: MetricName): Metric => METRICS[name];

export interface LoadThreshold {
  /** As it was written. */
  text: string;
  /** Null: all operations together. */
  operation: string | null;
  metric: MetricName;
  bound: Threshold;
  /** A breach of this many seconds on end aborts the load; null: judged once, over the whole load. */
  forS: number | null;
}

const FORM = /^(?:(.+):\s*)?([a-z]\w*)\s*([<>]=?\s*[^\s<>=].*?)(?:\s+for\s+(\S+))?$/;
const UNITS: Readonly<Record<Unit, string>> = {
  ms: "in ms or s, e.g. < 250 ms",
  share: "a share, e.g. < 1 % or < 0.01",
  rps: "in rps, e.g. >= 500 rps",
  count: "a number, e.g. < 5",
};

/** Reads a threshold; a string says what is wrong with the text, and what is accepted. */
export function parseLoadThreshold(given: string): LoadThreshold | string {
  const text = given.trim();
  const [whole, operation, name, comparison = "", duration] = FORM.exec(text) ?? [];
  if (whole === undefined) {
    return "not '[operation:] metric < value [for duration]', e.g. 'p99 < 250 ms' or 'POST /orders: error_rate < 1 % for 5s'";
  }
  const metric = METRIC_NAMES.find((each) => each === name);
  if (metric === undefined) return `no metric ${name}; there are ${METRIC_NAMES.join(", ")}`;
  const { unit, perOperation } = METRICS[metric];
  if (operation !== undefined && !perOperation) return `${metric} is of the whole load, not of one operation`;
  const bound = parseThreshold(comparison, unit);
  if (bound === null) return `${metric} is compared by <, <=, > or >= and is ${UNITS[unit]}`;
  const forMs = duration === undefined ? null : durationMs(duration);
  if (duration !== undefined && (forMs === null || forMs < 1_000 || forMs % 1_000 !== 0)) {
    return `for takes whole seconds, e.g. for 5s or for 1m30s, not ${duration}`;
  }
  return { text, operation: operation ?? null, metric, bound, forS: forMs === null ? null : forMs / 1_000 };
}

/**
 * Reads all of a load's thresholds.
 * @throws ChaoslabError `usage` for one that is none, or is on an operation that the load does not have.
 */
export function readThresholds(texts: readonly string[], operations: readonly string[]): LoadThreshold[] {
  return texts.map((text) => {
    const threshold = parseLoadThreshold(text);
    if (typeof threshold === "string") throw refused(text, threshold);
    const { operation } = threshold;
    if (operation !== null && !operations.includes(operation)) {
      throw refused(text, `no operation ${operation}; there are ${operations.join(", ")}`);
    }
    return threshold;
  });
}

const refused = (text: string, why: string): ChaoslabError =>
  new ChaoslabError("usage", `--threshold: ${JSON.stringify(text)}: ${why}`);

/** Whether the value is inside the threshold. Without data nothing shows that it is. */
export const holds = ({ bound }: LoadThreshold, value: number | null): boolean => meets(value, bound);
