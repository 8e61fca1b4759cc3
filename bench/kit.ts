/**
 * What the benchmarks share: waiting for a quiet machine, statistics, and a table of what was asked and what was
 * measured. With `--json` the last line is the table as JSON; the exit code is 1 when a bound was missed.
 * @module
 */
import { readFileSync } from "node:fs";
import { table } from "../src/cli/terminal.ts";

export interface Figure {
  /** What was asked for, or what was done. */
  what: string;
  unit: string;
  /** By name; the first is the one that `allowed` is about. */
  measured: Readonly<Record<string, number>>;
  /** Smallest and largest value that counts as true; null: there is no bound. */
  allowed: readonly [number, number] | null;
  /** How many cores were busy meanwhile with anything else, where that can be told apart. */
  others?: number;
}

const first = ({ measured }: Figure): number => Object.values(measured)[0] ?? Number.NaN;
const isTrue = (figure: Figure): boolean =>
  figure.allowed === null || (first(figure) >= figure.allowed[0] && first(figure) <= figure.allowed[1]);

/** Up to three decimals, as many as the size of the number is worth. */
const number = (value: number): string =>
  value.toFixed(Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 3);

const document: Record<string, readonly Figure[]> = {};

/** Prints figures under a title and keeps them for {@link finish}. */
export function show(title: string, figures: readonly Figure[]): void {
  document[title] = figures;
  const rows = figures.map((figure) => [
    figure.what,
    Object.entries(figure.measured)
      .map(([name, value]) => `${name} ${number(value)}`)
      .join("  "),
    figure.unit,
    figure.allowed === null ? "" : figure.allowed.map(number).join(" to "),
    figure.allowed === null ? "" : isTrue(figure) ? "yes" : "MISSED",
    figure.others === undefined ? "" : figure.others.toFixed(2),
  ]);
  const used = (column: number): boolean => rows.some((row) => row[column] !== "");
  const heads = ["asked", "measured", "unit", "allowed", "true", "others' cores"];
  const columns = heads.map((_, i) => i).filter((i) => i < 3 || used(i));
  const pick = (row: readonly string[]): string[] => columns.map((i) => row[i] ?? "");
  console.log(`\n${title}\n${table([heads, ...rows].map(pick))}`);
}

/** Prints a plain line, such as why something is left out. */
export const note = (text: string): void => console.log(`\n${text}`);

export function finish(): void {
  if (process.argv.includes("--json")) console.log(`\n${JSON.stringify(document)}`);
  if (!Object.values(document).flat().every(isTrue)) process.exitCode = 1;
}

/** A positional argument as a number. */
export function argument(index: number, otherwise: number): number {
  const given = process.argv.slice(2).filter((arg) => !arg.startsWith("--"))[index];
  return Number(given) || otherwise;
}

export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length;
export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((each) => (each - middle) ** 2)));
}

/** Normal quantile of a two-sided 99 %. */
export const Z99 = 2.576;

/**
 * The counts out of `total` in which a share of `percent` ends up in 99 % of all cases, by the normal approximation to
 * the binomial. `spread`: how many times as large the variance is, 1 for packets that are independent.
 */
export function countInterval(total: number, percent: number, spread = 1): [number, number] {
  const p = percent / 100;
  const half = Z99 * Math.sqrt(total * p * (1 - p) * spread);
  return [total * p - half, total * p + half];
}

/** Seconds of processor time that this machine has spent on anything, all cores together (proc(5), /proc/stat). */
export function busySeconds(): number {
  const fields =
    readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) / 100;
}

/** Cores that are busy over this long. */
export async function busyCores(ms: number): Promise<number> {
  const [before, started] = [busySeconds(), performance.now()];
  await Bun.sleep(ms);
  return (busySeconds() - before) / ((performance.now() - started) / 1_000);
}

const QUIET_CORES = 0.15;

/** Waits until next to nothing runs here, at most ten seconds, and says so when it never came to that. */
export async function quiet(): Promise<void> {
  let busy = await busyCores(500);
  for (let tries = 0; busy > QUIET_CORES && tries < 20; tries++) busy = await busyCores(500);
  if (busy > QUIET_CORES) note(`not a quiet machine: ${busy.toFixed(2)} cores are busy with something else`);
}
