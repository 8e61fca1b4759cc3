/** SLIs as the servers count them: from scrapes of their metrics to one value per second. @module */
import { ChaoslabError } from "../cli/errors.ts";
import type { Sample } from "../observe/exposition.ts";
import { isNamed, parseSelector, type Selector, select } from "../observe/selector.ts";

/** What one node exposed at one time. A scrape that failed is none. */
export interface Scrape {
  /** Unix epoch milliseconds. */
  t: number;
  node: string;
  samples: readonly Sample[];
}

export interface ServerSliDeclaration {
  /** Selector of the metric. */
  metric: string;
  /** Selector of what it is divided by. */
  per?: string;
  /** Only these nodes; all when left out. */
  nodes?: readonly string[];
  /** `gauge`: the value as it stands. `rate`: increase per second of a counter. */
  value: "gauge" | "rate";
  /**
   * One value out of several nodes. A node's own series are put together likewise, but rates are added: they count parts
   * of one whole. With `per`, `sum` divides sum by sum, and the others compare the nodes' quotients.
   */
  across: "sum" | "max" | "min" | "avg";
}

/** A declaration with its selectors read. */
export interface ServerSli extends Omit<ServerSliDeclaration, "metric" | "per"> {
  metric: Selector;
  per: Selector | null;
}

/** @throws ChaoslabError `badConfig` when a selector is none. */
export function readServerSli(declaration: ServerSliDeclaration): ServerSli {
  const read = (field: string, text: string): Selector => {
    const selector = parseSelector(text);
    if (typeof selector === "string") throw new ChaoslabError("badConfig", `${field}: ${selector}: ${text}`);
    return selector;
  };
  const { metric, per, ...rest } = declaration;
  return { ...rest, metric: read("metric", metric), per: per === undefined ? null : read("per", per) };
}

/** The samples of a scrape that any of the SLIs needs: all that a recording has to keep of it. */
export function neededSamples(samples: readonly Sample[], slis: readonly ServerSli[]): Sample[] {
  return samples.filter((sample) =>
    slis.some(({ metric, per }) => isNamed(sample, metric) || (per !== null && isNamed(sample, per))),
  );
}

/**
 * A value stands until the node's next scrape, and at most this long: two scrapes may be missed at one a second. After
 * that the node is away, and what it counts when it is back is not spread over the time it was gone.
 */
const LONGEST_MS = 3_500;

/**
 * One value per second from `startMs` on (Unix epoch milliseconds). Null where no node tells: none was scraped around
 * that second, none has the metric, or the quotient is 0/0 or x/0.
 *
 * A counter that is smaller than before was reset, by a restart, and has counted from 0 since; so has a series that a
 * node did not show the time before. A node that shows the metric, but no series of it that is selected, counts 0; a
 * gauge it has none.
 */
export function serverSli(
  scrapes: readonly Scrape[],
  sli: ServerSli,
  { startMs, seconds }: { startMs: number; seconds: number },
): (number | null)[] {
  const wanted = scrapes.filter(({ node }) => sli.nodes === undefined || sli.nodes.includes(node));
  const bySecond = Array.from({ length: seconds }, (): Reading[] => []);
  for (const ofNode of Map.groupBy(wanted, ({ node }) => node).values()) {
    const inOrder = ofNode.toSorted((a, b) => a.t - b.t);
    for (const reading of readingsOf(inOrder, sli)) {
      // It tells of the seconds whose middle it covers.
      const secondAt = (t: number): number => Math.max(0, Math.ceil((t - startMs) / 1_000 - 0.5));
      for (const second of bySecond.slice(secondAt(reading.from), secondAt(reading.to))) second.push(reading);
    }
  }
  return bySecond.map((readings) => combine(readings, sli));
}

/** What one node says of a span of time, its start included and its end not. */
interface Reading {
  from: number;
  to: number;
  metric: number;
  /** Null: nothing divides. */
  per: number | null;
}

function readingsOf(scrapes: readonly Scrape[], sli: ServerSli): Reading[] {
  return scrapes.flatMap((scrape, index): Reading[] => {
    const next = scrapes[index + 1];
    const measure = (selector: Selector): number | null =>
      sli.value === "gauge"
        ? reduce(finite(select(scrape.samples, selector)), sli.across)
        : next
          ? rateBetween(scrape, next, selector)
          : null;
    const metric = measure(sli.metric);
    const per = sli.per && measure(sli.per);
    if (metric === null || (sli.per && per === null)) return [];
    const to = Math.min(next?.t ?? Number.POSITIVE_INFINITY, scrape.t + LONGEST_MS);
    return [{ from: scrape.t, to, metric, per }];
  });
}

/** Increase per second of all selected series together; null when the later scrape does not have the metric at all. */
function rateBetween(before: Scrape, after: Scrape, selector: Selector): number | null {
  const span = after.t - before.t;
  if (span <= 0 || span > LONGEST_MS) return null;
  if (!after.samples.some((sample) => isNamed(sample, selector))) return null;
  const earlier = new Map(select(before.samples, selector).map((sample) => [identity(sample), sample.value]));
  let increase = 0;
  for (const sample of select(after.samples, selector)) {
    const from = earlier.get(identity(sample)) ?? 0;
    increase += sample.value >= from ? sample.value - from : sample.value;
  }
  return Number.isFinite(increase) ? (increase * 1_000) / span : null;
}

/** A series is its name and labels, in whatever order. */
const identity = ({ name, labels }: Sample): string =>
  JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);

const finite = (samples: readonly Sample[]): number[] =>
  samples.map(({ value }) => value).filter(Number.isFinite);

/** One value of the nodes'. */
function combine(readings: readonly Reading[], { across, per }: ServerSli): number | null {
  const metrics = readings.map(({ metric }) => metric);
  if (!per) return reduce(metrics, across);
  const divisors = readings.map((reading) => reading.per ?? 0);
  const quotients =
    across === "sum"
      ? [sum(metrics) / sum(divisors)]
      : metrics.map((metric, index) => metric / (divisors[index] ?? 0));
  return reduce(quotients.filter(Number.isFinite), across);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Null for no values. */
function reduce(values: readonly number[], across: ServerSli["across"]): number | null {
  if (values.length === 0) return null;
  switch (across) {
    case "sum":
      return sum(values);
    case "avg":
      return sum(values) / values.length;
    case "max":
      return Math.max(...values);
    case "min":
      return Math.min(...values);
  }
}
