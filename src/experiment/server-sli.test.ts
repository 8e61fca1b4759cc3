import { expect, test } from "bun:test";
import { parseExposition } from "../observe/exposition.ts";
import {
  neededSamples,
  readServerSli,
  type Scrape,
  type ServerSli,
  type ServerSliDeclaration,
  serverSli,
} from "./server-sli.ts";

const START = 1_700_000_000_000;

/** What a node exposed `at` seconds after the start. */
const scrape = (at: number, node: string, text: string): Scrape => ({
  t: START + at * 1_000,
  node,
  samples: parseExposition(text),
});

const read = (declaration: Partial<ServerSliDeclaration>): ServerSli =>
  readServerSli({ metric: "requests_total", value: "rate", across: "sum", ...declaration });

const values = (scrapes: readonly Scrape[], declaration: Partial<ServerSliDeclaration>, seconds: number) =>
  serverSli(scrapes, read(declaration), { startMs: START, seconds });

/** A node's counter over time: one scrape per second, on the second; null: it was missed. */
const counting = (node: string, counts: readonly (number | null)[]): Scrape[] =>
  counts.flatMap((count, at) => (count === null ? [] : scrape(at, node, `requests_total ${count}`)));

test("a rate is the increase per second, from one scrape to the next", () => {
  expect(values(counting("a", [100, 110, 130, 130]), {}, 4)).toEqual([10, 20, 0, null]);
});

test("scrapes that come late are taken by when they came", () => {
  const scrapes = [scrape(0.2, "a", "requests_total 0"), scrape(1.8, "a", "requests_total 160")];
  // 100 per second between them: the middles of seconds 0 and 1, and of no other.
  expect(values(scrapes, {}, 3)).toEqual([100, 100, null]);
  expect(values([...scrapes].reverse(), {}, 3)).toEqual([100, 100, null]);
});

test("a node that starts again counts from 0", () => {
  expect(values(counting("a", [500, 510, 7, 17]), {}, 3)).toEqual([10, 7, 10]);
});

test("a missed scrape is bridged by the next one", () => {
  expect(values(counting("a", [100, 110, null, 150, 160]), {}, 4)).toEqual([10, 20, 20, 10]);
});

test("a node that was away tells nothing of that time, and what it counts after is not spread over it", () => {
  const counts = [100, 110, null, null, null, null, 900, 910];
  expect(values(counting("a", counts), {}, 7)).toEqual([10, null, null, null, null, null, 10]);
});

test("while one node is away the sum is that of the others", () => {
  const scrapes = [
    ...counting("a", [0, 10, 20, 30, 40, 50, 60, 70]),
    ...counting("b", [0, 5, null, null, null, null, 2, 7]),
  ];
  expect(values(scrapes, {}, 7)).toEqual([15, 10, 10, 10, 10, 10, 15]);
  expect(values(scrapes, { across: "max" }, 2)).toEqual([10, 10]);
  expect(values(scrapes, { across: "min" }, 2)).toEqual([5, 10]);
  expect(values(scrapes, { across: "avg" }, 2)).toEqual([7.5, 10]);
  expect(values(scrapes, { nodes: ["b"] }, 7)).toEqual([5, null, null, null, null, null, 5]);
  expect(values(scrapes, { nodes: ["c"] }, 2)).toEqual([null, null]);
});

const statuses = (at: number, node: string, ok: number, failed: number | null): Scrape =>
  scrape(
    at,
    node,
    [
      `requests_total{status="200"} ${ok}`,
      ...(failed === null ? [] : [`requests_total{status="503"} ${failed}`]),
    ].join("\n"),
  );
const ERRORS = { metric: 'requests_total{status=~"5.."}', per: "requests_total" };

test("an error rate: 0 before the first error, and the first errors are counted", () => {
  const scrapes = [
    statuses(0, "a", 100, null),
    statuses(1, "a", 200, null),
    statuses(2, "a", 290, 10),
    statuses(3, "a", 290, 10),
    statuses(4, "a", 290, 60),
  ];
  expect(values(scrapes, ERRORS, 4)).toEqual([0, 0.1, null, 1]);
});

test("over nodes, sum divides the sums and max names the worst", () => {
  const scrapes = [
    ...[statuses(0, "a", 0, 0), statuses(1, "a", 900, 0)],
    ...[statuses(0, "b", 0, 0), statuses(1, "b", 50, 50)],
    ...[statuses(0, "idle", 0, 0), statuses(1, "idle", 0, 0)],
  ];
  expect(values(scrapes, ERRORS, 1)).toEqual([0.05]);
  expect(values(scrapes, { ...ERRORS, across: "max" }, 1)).toEqual([0.5]);
  expect(values(scrapes, { ...ERRORS, across: "min" }, 1)).toEqual([0]);
  expect(values(scrapes, { ...ERRORS, across: "avg" }, 1)).toEqual([0.25]);
});

test("series are the same whatever the order of their labels", () => {
  const scrapes = [
    scrape(0, "a", 'requests_total{a="1",b="2"} 5\nrequests_total{a="2",b="1"} 50'),
    scrape(1, "a", 'requests_total{b="1",a="2"} 51\nrequests_total{b="2",a="1"} 7'),
  ];
  expect(values(scrapes, {}, 1)).toEqual([3]);
});

test("a metric that nobody has is no data, not 0", () => {
  const scrapes = counting("a", [1, 2, 3]);
  expect(values(scrapes, { metric: "reqests_total" }, 2)).toEqual([null, null]);
  expect(values(scrapes, { metric: 'requests_total{status="503"}' }, 2)).toEqual([0, 0]);
  expect(values(scrapes, { metric: 'requests_total{status="503"}', per: "gone" }, 2)).toEqual([null, null]);
  expect(values([], {}, 2)).toEqual([null, null]);
});

test("a gauge stands until the next scrape, and not for long after the last", () => {
  const pool = (at: number, node: string, used: number): Scrape =>
    scrape(at, node, `in_use{pool="db"} ${used}\nin_use{pool="workers"} 1\nsize 10\nempty NaN`);
  const scrapes = [pool(0.1, "a", 4), pool(1.1, "a", 6), pool(0.3, "b", 3), pool(1.2, "b", 2)];
  const gauge = { value: "gauge", metric: 'in_use{pool="db"}' } as const;
  expect(values(scrapes, { ...gauge, across: "max" }, 6)).toEqual([4, 6, 6, 6, 6, null]);
  expect(values(scrapes, gauge, 2)).toEqual([7, 8]);
  expect(values(scrapes, { ...gauge, metric: "in_use" }, 2)).toEqual([9, 10]);
  expect(values(scrapes, { ...gauge, across: "max", per: "size" }, 1)).toEqual([0.4]);
  expect(values(scrapes, { ...gauge, per: "size" }, 1)).toEqual([0.35]);
  expect(values(scrapes, { ...gauge, metric: "empty" }, 1)).toEqual([null]);
  expect(values(scrapes, { ...gauge, metric: 'in_use{pool="none"}' }, 1)).toEqual([null]);
});

test("a recording keeps what the SLIs need, and gives the same values", () => {
  const scrapes = [statuses(0, "a", 0, 0), statuses(1, "a", 90, 10)].map((each) => ({
    ...each,
    samples: [...each.samples, ...parseExposition("other 1\nup 1")],
  }));
  const slis = [read(ERRORS), read({ metric: "up", value: "gauge" })];
  const kept = scrapes.map((each) => ({ ...each, samples: neededSamples(each.samples, slis) }));
  expect(kept.map(({ samples }) => samples.map(({ name }) => name))).toEqual(
    Array(2).fill(["requests_total", "requests_total", "up"]),
  );
  expect(values(kept, ERRORS, 1)).toEqual([0.1]);
});

test("what is no selector is refused with its field and column", () => {
  expect(() => read({ metric: "requests_total[5m]" })).toThrow(
    "metric: column 15: nothing may follow the selector",
  );
  expect(() => read({ per: "a{b}" })).toThrow("per: column 4: one of = != =~ !~ is missing: a{b}");
});

test("half an hour of seven nodes takes no time worth speaking of", () => {
  const nodes = ["a", "b", "c", "d", "e", "f", "g"];
  const scrapes = Array.from({ length: 1_800 }, (_, at) => at).flatMap((at) =>
    nodes.map((node) => statuses(at, node, at * 100, at)),
  );
  const started = performance.now();
  const found = values(scrapes, ERRORS, 1_799);
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(found.every((value) => value !== null && Math.abs(value - 1 / 101) < 1e-9)).toBeTrue();
});
