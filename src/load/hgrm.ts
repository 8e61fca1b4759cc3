/**
 * Histograms as HdrHistogram's percentile distribution, the text that its plotter and other tools read
 * (AbstractHistogram.outputPercentileDistribution, https://github.com/HdrHistogram/HdrHistogram). Values are in
 * milliseconds.
 *
 * Lines are at percentiles whose distance halves: five steps from 0 to 50 %, five to 75 %, and so on, until all values
 * are covered. A line's value is the highest of the bucket that reaches its percentile, never above the maximum.
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import type { LoadSummary } from "../model/load.ts";
import { bucketBounds, Histogram } from "./histogram.ts";
import { mergeHistograms } from "./merge.ts";

const TICKS_PER_HALF_DISTANCE = 5;

/** HdrHistogram's names for the shape of ours: 25 powers of two, the first of 256 values, each other of half as many. */
const SHAPE = { buckets: 25, subBuckets: 256 };

const ms = (us: number): string => (us / 1_000).toFixed(3).padStart(12);

/** Of values taken to be at the centres of their buckets, about the exact mean: there is no sum of squares. */
function deviation(sparse: readonly number[], { mean, count }: Histogram): number {
  let squares = 0;
  for (let i = 0; i < sparse.length; i += 2) {
    const [lowest, highest] = bucketBounds(sparse[i] ?? 0);
    squares += ((lowest + highest) / 2 - mean) ** 2 * (sparse[i + 1] ?? 0);
  }
  return count === 0 ? 0 : Math.sqrt(squares / count);
}

function row(valueUs: number, percentile: number, total: number): string {
  const line = `${ms(valueUs)} ${(percentile / 100).toFixed(12)} ${String(total).padStart(10)}`;
  return percentile === 100 ? line : `${line} ${(1 / (1 - percentile / 100)).toFixed(2).padStart(14)}`;
}

/** The text of one histogram. */
export function hgrm(histogram: Histogram): string {
  const { count, max, mean } = histogram;
  const sparse = histogram.toSparse();
  const lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""];
  let total = 0;
  let percentile = 0;
  for (let i = 0; i < sparse.length; i += 2) {
    total += sparse[i + 1] ?? 0;
    const value = Math.min(bucketBounds(sparse[i] ?? 0)[1], max);
    while ((100 * total) / count >= percentile) {
      lines.push(row(value, percentile, total));
      if (total === count) break;
      const halvings = Math.floor(Math.log2(100 / (100 - percentile))) + 1;
      percentile += 100 / (TICKS_PER_HALF_DISTANCE * 2 ** halvings);
    }
  }
  if (count > 0) lines.push(row(max, 100, count));
  const number = (value: number): string => String(value).padStart(12);
  lines.push(
    `#[Mean    = ${ms(mean)}, StdDeviation   = ${ms(deviation(sparse, histogram))}]`,
    `#[Max     = ${ms(max)}, Total count    = ${number(count)}]`,
    `#[Buckets = ${number(SHAPE.buckets)}, SubBuckets     = ${number(SHAPE.subBuckets)}]`,
    "",
  );
  return lines.join("\n");
}

/** A name for a file: no path, no surprise in a shell, and not one of `taken`, which it joins. */
export function fileName(text: string, taken: Set<string>): string {
  const plain =
    text
      .replaceAll(/[^A-Za-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")
      .slice(0, 80) || "operation";
  let name = plain;
  // Some file systems take upper and lower case for the same.
  for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${plain}-${i}`;
  taken.add(name.toLowerCase());
  return name;
}

/** Files by name: latency and service time of each operation and of all together, and the slip, which is known for all together only. */
export function hgrmFiles({ operations, slip_histogram }: LoadSummary): Map<string, string> {
  const files = new Map<string, string>();
  // What has no value has no distribution.
  const add = (name: string, histogram: Histogram): void => {
    if (histogram.count > 0) files.set(`${name}.hgrm`, hgrm(histogram));
  };
  const each = Object.entries(operations);
  add("all.latency", mergeHistograms(each.map(([, { histograms }]) => histograms.latency)));
  add("all.service-time", mergeHistograms(each.map(([, { histograms }]) => histograms.service_time)));
  add("all.slip", mergeHistograms([slip_histogram]));
  const taken = new Set(["all"]);
  for (const [operation, { histograms }] of each) {
    const name = fileName(operation, taken);
    add(`${name}.latency`, Histogram.fromData(histograms.latency));
    add(`${name}.service-time`, Histogram.fromData(histograms.service_time));
  }
  return files;
}

const failed = (dir: string, error: unknown): ChaoslabError =>
  new ChaoslabError("usage", `--hgrm: ${dir}: ${reasonOf(error)}`);

/** Makes the folder: before the load, so that hours of it do not end in an error. */
export function makeHgrmFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw failed(dir, error);
  }
}

export function writeHgrm(dir: string, summary: LoadSummary): void {
  try {
    for (const [name, text] of hgrmFiles(summary)) writeFileSync(join(dir, name), text);
  } catch (error) {
    throw failed(dir, error);
  }
}
