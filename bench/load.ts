/**
 * The load generator against closed-loop tools on one server, in one run: nginx pinned to one core, every generator to
 * another. wrk, hey and nginx are Debian packages; autocannon comes from npm.
 *
 *   sudo node_modules/.bin/bun bench/load.ts [seconds per figure, default 8]      (after scripts/build)
 *
 * Shows: each tool's most requests per second; the highest open-model rate that chaoslab keeps with slip p99 under
 * 10 ms; slip and processor time at fixed rates. JSON on the last line.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../src/cli/terminal.ts";
import type { LoadSummary } from "../src/model/load.ts";

const seconds = Number(process.argv[2] ?? 8);
const [SERVER_CORE, CLIENT_CORE] = ["1", "0"];
const PORT = 19_080;
const URL_ = `http://127.0.0.1:${PORT}/`;
const CONNECTIONS = "64";
const SLIP_LIMIT_MS = 10;
const BINARY = join(import.meta.dir, "..", "dist", "chaoslab");
const AUTOCANNON = "autocannon@8.0.0";

const pinned = (core: string, ...argv: string[]): string[] => ["taskset", "-c", core, ...argv];

interface Ran {
  out: string;
  /** Processor seconds, user and system. */
  cpuS: number;
}

async function run(...argv: string[]): Promise<Ran> {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "ignore", stdin: "ignore" });
  const out = await child.stdout.text();
  await child.exited;
  return { out, cpuS: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

function startServer(): { stop: () => Promise<void> } {
  const dir = mkdtempSync(join(tmpdir(), "chaoslab-bench-"));
  const conf = join(dir, "nginx.conf");
  writeFileSync(
    conf,
    `daemon off; worker_processes 1; error_log ${dir}/error.log; pid ${dir}/pid;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
  server { listen 127.0.0.1:${PORT}; default_type text/plain; location / { return 200 "ok\\n"; } } }`,
  );
  const child = Bun.spawn(pinned(SERVER_CORE, "nginx", "-c", conf), { stdout: "ignore", stderr: "ignore" });
  return {
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(dir, { recursive: true });
    },
  };
}

async function answers(): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await fetch(URL_).catch(() => null))?.ok) {
    if (performance.now() > deadline) throw new Error("nginx does not answer");
    await Bun.sleep(20);
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function repeated(times: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) values.push(await measure());
  return median(values);
}

const firstNumber = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);

const PEERS: Readonly<Record<string, () => Promise<number>>> = {
  wrk: async () =>
    firstNumber(
      (await run(...pinned(CLIENT_CORE, "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, URL_))).out,
      /Requests\/sec:\s*([\d.]+)/,
    ),
  hey: async () =>
    firstNumber(
      (await run(...pinned(CLIENT_CORE, "hey", "-cpus", "1", "-c", CONNECTIONS, "-z", `${seconds}s`, URL_)))
        .out,
      /Requests\/sec:\s*([\d.]+)/,
    ),
  autocannon: async () => {
    const tool = ["npm", "exec", "--yes", "--package", AUTOCANNON, "--", "autocannon"];
    const flags = ["-c", CONNECTIONS, "-d", String(seconds), "--json", URL_];
    const { out } = await run(...pinned(CLIENT_CORE, ...tool, ...flags));
    return (JSON.parse(out || "{}") as { requests?: { average: number } }).requests?.average ?? Number.NaN;
  },
};

/** One load at a rate: its summary, and the share of a core it took. */
async function load(rate: number): Promise<{ summary: LoadSummary; cores: number }> {
  const flags = [
    `--rate=${rate}`,
    `--for=${seconds}s`,
    `--connections=${CONNECTIONS}`,
    "--arrivals=constant",
  ];
  const { out, cpuS } = await run(
    ...pinned(CLIENT_CORE, BINARY, "load", URL_, ...flags, "--json", "--quiet"),
  );
  const summary = JSON.parse(out) as LoadSummary;
  return { summary, cores: cpuS / seconds };
}

const keeps = ({ slip, dropped, goodput_rps }: LoadSummary, rate: number): boolean =>
  slip.p99_ms < SLIP_LIMIT_MS && dropped === 0 && goodput_rps > 0.99 * rate;

/** The highest of the rates tried that is kept twice in a row, going up in steps of 5 % of `reference`. */
async function highestRate(reference: number): Promise<number> {
  let best = 0;
  for (let share = 0.4; share <= 1.2; share += 0.05) {
    const rate = Math.round(reference * share);
    const first = await load(rate);
    const kept = keeps(first.summary, rate) || keeps((await load(rate)).summary, rate);
    console.error(`  ${rate} rps: slip p99 ${first.summary.slip.p99_ms} ms, ${first.cores.toFixed(2)} core`);
    if (!kept) break;
    best = rate;
  }
  return best;
}

const server = startServer();
try {
  await answers();
  const document: Record<string, number> = {};
  const rows: string[][] = [["generator", "model", "requests/s", "of wrk"]];
  for (const [name, measure] of Object.entries(PEERS)) {
    document[name] = Bun.which(name) || name === "autocannon" ? await repeated(3, measure) : Number.NaN;
    console.error(`${name}: ${document[name]}`);
  }
  const wrk = document.wrk ?? Number.NaN;
  document.chaoslab = await highestRate(wrk);
  for (const [name, rate] of Object.entries(document)) {
    rows.push([name, name === "chaoslab" ? "open" : "closed", rate.toFixed(0), (rate / wrk).toFixed(2)]);
  }
  console.log(table(rows, ["left", "left", "right", "right"]));

  const fixed: string[][] = [["rate", "slip p50 ms", "p99", "max", "cores"]];
  for (const rate of [1_000, 10_000]) {
    const runs = [await load(rate), await load(rate), await load(rate)];
    const of = (pick: (one: (typeof runs)[number]) => number): number => median(runs.map(pick));
    const p99 = of((one) => one.summary.slip.p99_ms);
    const cores = of((one) => one.cores);
    const [p50, max] = [of((one) => one.summary.slip.p50_ms), of((one) => one.summary.slip.max_ms)];
    fixed.push([String(rate), ...[p50, p99, max, cores].map((value) => value.toFixed(3))]);
    Object.assign(document, { [`slip_p99_ms_at_${rate}`]: p99, [`cores_at_${rate}`]: cores });
  }
  console.log(
    `\n${table(fixed, ["right", "right", "right", "right", "right"])}\n\n${JSON.stringify(document)}`,
  );
} finally {
  await server.stop();
}
