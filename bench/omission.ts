/**
 * Coordinated omission: the server is stopped for 2 s in a run of 20 s at 1,000 requests a second. What an open model
 * measures, beside what it must be on paper, and beside what a closed-loop tool (wrk, a Debian package) makes of the
 * same stall.
 *
 *   node_modules/.bin/bun bench/omission.ts [service time in ms, default 50]        (after scripts/build)
 *
 * The p90 stands where the stall's last arrivals begin: paper lets the server work off the 2,000 requests that waited in
 * no time, in truth it takes some 20 to 40 ms, which is much beside 50 ms and little beside 1,000.
 */
import { join } from "node:path";
import { table } from "../src/cli/terminal.ts";
import { Histogram } from "../src/load/histogram.ts";
import type { LoadSummary } from "../src/model/load.ts";
import { latenciesOnPaper, quantileOf, startStallServer } from "../test/load/stall.ts";

const BINARY = join(import.meta.dir, "..", "dist", "chaoslab");
const [RATE, DURATION_MS] = [1_000, 20_000];
/** How long the server takes for a request. */
const SERVICE_MS = Number(process.argv[2] ?? 50);
const [STALL_AFTER_MS, STALL_MS] = [8_000, 2_000];
const QUANTILES = [0.5, 0.9, 0.95, 0.99, 1];

const server = await startStallServer(SERVICE_MS);
const url = `http://127.0.0.1:${server.port}/`;
try {
  const flags = [`--rate=${RATE}`, `--for=${DURATION_MS}ms`, "--arrivals=constant", "--connections=4000"];
  const load = Bun.spawn([BINARY, "load", url, ...flags, "--json", "--quiet"], { stdout: "pipe" });
  await Bun.sleep(STALL_AFTER_MS);
  const stall = await server.stopFor(STALL_MS);
  const summary = JSON.parse(await load.stdout.text()) as LoadSummary;
  const origin = summary.t_start - performance.timeOrigin;
  const paper = latenciesOnPaper({
    rate: RATE,
    durationMs: DURATION_MS,
    serviceMs: SERVICE_MS,
    fromMs: stall.from - origin,
    toMs: stall.to - origin,
  });
  const measured = new Histogram();
  const operation = summary.operations["GET /"];
  if (!operation) throw new Error("nothing was measured");
  measured.addData(operation.histograms.latency);

  let closed: Map<number, number> | null = null;
  if (Bun.which("wrk")) {
    const wrk = Bun.spawn(
      ["wrk", "-t1", "-c50", `-d${DURATION_MS / 1_000}s`, "--timeout", "10s", "--latency", url],
      {
        stdout: "pipe",
      },
    );
    await Bun.sleep(STALL_AFTER_MS);
    await server.stopFor(STALL_MS);
    closed = wrkQuantiles(await wrk.stdout.text());
  }

  const rows = [["quantile", "on paper ms", "open model ms", "off by", "wrk, closed loop ms"]];
  for (const q of QUANTILES) {
    const expected = quantileOf(paper, q);
    const got = measured.quantile(q) / 1_000;
    const off = `${((got / expected - 1) * 100).toFixed(2)} %`;
    rows.push([
      q === 1 ? "max" : `p${q * 100}`,
      expected.toFixed(1),
      got.toFixed(1),
      off,
      closed?.get(q)?.toFixed(1) ?? "-",
    ]);
  }
  console.log(table(rows, ["left", "right", "right", "right", "right"]));
} finally {
  await server.end();
}

/** wrk prints 50, 75, 90 and 99 %, and the maximum in its thread statistics. */
function wrkQuantiles(text: string): Map<number, number> {
  const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 };
  const ms = (amount = "", unit = ""): number => Number(amount) * (units[unit] ?? Number.NaN);
  const quantiles = new Map<number, number>();
  for (const [, percent, amount, unit] of text.matchAll(/^\s+(\d+)%\s+([\d.]+)(us|ms|s)$/gm)) {
    quantiles.set(Number(percent) / 100, ms(amount, unit));
  }
  const max = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/m.exec(text);
  if (max) quantiles.set(1, ms(max[1], max[2]));
  return quantiles;
}
