import { expect, test } from "bun:test";
import { fileName, hgrm } from "./hgrm.ts";
import { bucketBounds, Histogram } from "./histogram.ts";
import { randomUnit } from "./random.ts";

function histogramOf(...valuesUs: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of valuesUs) histogram.record(value);
  return histogram;
}

// The percentiles, counts and layout are those that HdrHistogram prints for 25, 50 and 75.
const GOLDEN = `       Value     Percentile TotalCount 1/(1-Percentile)

       0.025 0.000000000000          1           1.00
       0.025 0.100000000000          1           1.11
       0.025 0.200000000000          1           1.25
       0.025 0.300000000000          1           1.43
       0.050 0.400000000000          2           1.67
       0.050 0.500000000000          2           2.00
       0.050 0.550000000000          2           2.22
       0.050 0.600000000000          2           2.50
       0.050 0.650000000000          2           2.86
       0.075 0.700000000000          3           3.33
       0.075 1.000000000000          3
#[Mean    =        0.050, StdDeviation   =        0.020]
#[Max     =        0.075, Total count    =            3]
#[Buckets =           25, SubBuckets     =          256]
`;

test("the text is the percentile distribution as HdrHistogram prints it, in milliseconds", () => {
  expect(hgrm(histogramOf(25, 50, 75))).toBe(GOLDEN);
});

test("percentiles follow the halving distance to 100 %, up to the last value, and values the quantiles", () => {
  const histogram = new Histogram();
  for (let i = 0; i < 20_000; i++) histogram.record(Math.floor(1_000 * -Math.log(1 - randomUnit(9, i, 1))));
  const rows = hgrm(histogram)
    .split("\n")
    .slice(2)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.trim().split(/ +/).map(Number));
  expect(rows.slice(0, 11).map(([, percentile]) => percentile)).toEqual([
    0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75,
  ]);
  expect(rows.at(-1)).toEqual([histogram.max / 1_000, 1, 20_000]);
  for (const [value = 0, percentile = 0, count = 0] of rows) {
    expect(value).toBeCloseTo(histogram.quantile(percentile) / 1_000, 6);
    expect(count / 20_000).toBeGreaterThanOrEqual(percentile);
  }
});

test("the deviation is that of the buckets' centres", () => {
  const [lowest, highest] = bucketBounds(1_000);
  const centre = (lowest + highest) / 2;
  const deviation = Number(/StdDeviation +=\s+([\d.]+)/.exec(hgrm(histogramOf(0, lowest)))?.[1]);
  const exact = Math.sqrt(((lowest / 2) ** 2 + (centre - lowest / 2) ** 2) / 2) / 1_000;
  expect(deviation).toBeCloseTo(exact, 3);
});

test("an empty histogram has no line and no defect", () => {
  expect(hgrm(new Histogram())).toContain("#[Max     =        0.000, Total count    =            0]");
});

test("names of files hold no path, and no two are the same", () => {
  const taken = new Set(["all"]);
  const names = [
    "GET /orders/{id}",
    "get /orders/(id)",
    "../../etc/passwd",
    "all",
    "///",
    "x".repeat(300),
  ].map((operation) => fileName(operation, taken));
  expect(names).toEqual([
    "GET-orders-id",
    "get-orders-id-2",
    "etc-passwd",
    "all-2",
    "operation",
    "x".repeat(80),
  ]);
});
