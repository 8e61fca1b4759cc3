/**
 * What a scrape costs: bytes, time, and processor time of the node that is asked, on a lab of its own under load.
 *
 *   sudo node_modules/.bin/bun bench/scrape.ts [scrapes, default 200] [--json]
 */
import { selfCommand } from "../src/cli/self.ts";
import { bootLab } from "../src/lab/host/lab.ts";
import { EXPORTER_NODE, type NodeName, SERVICES } from "../src/lab/host/topology.ts";
import { parseExposition } from "../src/observe/exposition.ts";
import { argument } from "./kit.ts";

const scrapes = argument(0, 200);
const RATE = 100;
/** One scrape a second may cost a node this share of a core. */
const LIMIT = 0.02;

interface Cost {
  node: NodeName;
  series: number;
  kib: number;
  /** Of one scrape: how long it took, and processor time of the node beyond what the load costs it. */
  p50_ms: number;
  p99_ms: number;
  cpu_ms: number;
}

const booted = await bootLab("bench-scrape", () => {}, { prometheus: true });
const { lab } = booted;
const load = Bun.spawn(
  selfCommand("load", lab.apiUrl, "--mix", "shop", "--rate", String(RATE), "--for", "10m", "--quiet"),
  { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
);

const scrape = async (node: NodeName): Promise<string> =>
  await (await fetch(`${lab.topology.url(node)}/metrics`)).text();

/** Processor time of all processes of each node so far, in seconds. */
async function used(node: NodeName): Promise<number> {
  const samples = parseExposition(await scrape(EXPORTER_NODE));
  const found = samples.find(
    ({ name, labels }) => name === "chaoslab_node_cpu_seconds_total" && labels.node === node,
  );
  return found?.value ?? Number.NaN;
}

async function cost(node: NodeName): Promise<Cost> {
  const text = await scrape(node);
  const times: number[] = [];
  const began = performance.now();
  const before = await used(node);
  for (let i = 0; i < scrapes; i++) {
    const started = performance.now();
    await scrape(node);
    times.push(performance.now() - started);
    await Bun.sleep(10);
  }
  const busy = (await used(node)) - before;
  const lasted = performance.now() - began;
  // The same time without scrapes, but for the second that Prometheus asks once in.
  const calm = await used(node);
  await Bun.sleep(lasted);
  const idle = (await used(node)) - calm;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return {
    node,
    series: parseExposition(text).length,
    kib: text.length / 1_024,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    cpu_ms: ((busy - idle) / scrapes) * 1_000,
  };
}

const costs: Cost[] = [];
try {
  await Bun.sleep(5_000);
  for (const node of [...SERVICES, EXPORTER_NODE] as const) costs.push(await cost(node));
} finally {
  load.kill("SIGTERM");
  await load.exited;
  await booted.down();
}

if (process.argv.includes("--json")) console.log(JSON.stringify(costs));
else {
  console.log(`at ${RATE} requests/s, ${scrapes} scrapes of each node`);
  for (const { node, series, kib, p50_ms, p99_ms, cpu_ms } of costs) {
    const figures = [
      `${series} series`,
      `${kib.toFixed(1)} KiB`,
      `p50 ${p50_ms.toFixed(1)} ms`,
      `p99 ${p99_ms.toFixed(1)} ms`,
      `${cpu_ms.toFixed(2)} ms of a core`,
    ];
    console.log(`${node.padEnd(10)} ${figures.map((text) => text.padStart(18)).join("")}`);
  }
}
process.exit(costs.every(({ cpu_ms }) => cpu_ms / 1_000 < LIMIT) ? 0 : 1);
