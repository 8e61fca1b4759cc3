/**
 * The load generator against closed-loop tools on one server, in one run: nginx pinned to one core, every generator to
 * another. A shared machine is faster one minute than the next, so wrk is measured before each rate, and a rate is
 * tried three times. wrk, hey and nginx are Debian packages; autocannon comes from npm.
 *
 *   sudo node_modules/.bin/bun bench/load.ts [seconds per figure, default 8]      (after scripts/build)
 *
 * Shows: each tool's most requests per second; the highest open-model rate that chaoslab keeps with slip p99 under
 * 10 ms; slip and processor time at fixed rates, on both cores, beside what a thread sees that does nothing but
 * wait. JSON on the last line.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../src/cli/terminal.ts";
import { raisePriority } from "../src/load/priority.ts";
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

/** One load at a rate: its summary, and the processor seconds that it took. */
async function load(
  rate: number,
  { forS = seconds, pin = true } = {},
): Promise<{ summary: LoadSummary; cpuS: number }> {
  const flags = [`--rate=${rate}`, `--for=${forS}s`, `--connections=${CONNECTIONS}`, "--arrivals=constant"];
  const argv = [BINARY, "load", URL_, ...flags, "--json", "--quiet"];
  const { out, cpuS } = await run(...(pin ? pinned(CLIENT_CORE, ...argv) : argv));
  return { summary: JSON.parse(out) as LoadSummary, cpuS };
}

const keeps = ({ slip, dropped, goodput_rps }: LoadSummary, rate: number): boolean =>
  slip.p99_ms < SLIP_LIMIT_MS && dropped === 0 && goodput_rps > 0.99 * rate;

/** wrk's rate just now; not that of a moment when something else had the machine. */
async function wrkNow(usual: number): Promise<number> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const rate = (await PEERS.wrk?.()) ?? Number.NaN;
    if (rate > 0.9 * usual) return rate;
  }
  throw new Error("wrk is far from the rate it had before: the machine is busy");
}

/**
 * The highest share of wrk's rate that is kept in one of three tries, going up in steps of 5 %; and wrk's rate then.
 * @param usual wrk's rate before.
 */
async function highestShare(usual: number): Promise<{ share: number; rate: number; wrk: number }> {
  let best = { share: 0, rate: 0, wrk: Number.NaN };
  for (let percent = 50; percent <= 110; percent += 5) {
    let kept = false;
    for (let attempt = 0; attempt < 3 && !kept; attempt++) {
      const wrk = await wrkNow(usual);
      const rate = Math.round((wrk * percent) / 100);
      const { summary } = await load(rate);
      kept = keeps(summary, rate);
      const slip = `slip p99 ${summary.slip.p99_ms} ms, max ${summary.slip.max_ms} ms`;
      console.error(
        `  ${percent} % of wrk's ${wrk.toFixed(0)}: ${rate} rps, ${slip}${kept ? "" : ", not kept"}`,
      );
      if (kept) best = { share: percent / 100, rate, wrk };
    }
    if (!kept) break;
  }
  return best;
}

/** Slip p99 of a thread that sleeps until each of 1,000 instants a second, and does nothing else: the machine's own. */
function floor(): number {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const late: number[] = [];
  const start = performance.now();
  for (let at = start + 1; at < start + seconds * 1_000; at++) {
    while (performance.now() < at) Atomics.wait(cell, 0, 0, at - performance.now());
    late.push(performance.now() - at);
  }
  return late.toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)] ?? Number.NaN;
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
  const found = await highestShare(document.wrk ?? Number.NaN);
  document.chaoslab = found.rate;
  document.of_wrk = found.share;
  for (const [name, rate] of Object.entries(document)) {
    if (name === "of_wrk") continue;
    const share = name === "chaoslab" ? found.share : rate / (document.wrk ?? Number.NaN);
    rows.push([name, name === "chaoslab" ? "open" : "closed", rate.toFixed(0), share.toFixed(2)]);
  }
  console.log(table(rows, ["left", "left", "right", "right"]));

  raisePriority(); // as the generator does
  const fixed: string[][] = [["rate", "slip p50 ms", "p99", "max", "idle thread's p99", "cores"]];
  for (const rate of [1_000, 10_000]) {
    const idle = [floor()];
    const runs: Awaited<ReturnType<typeof load>>[] = [];
    const cores: number[] = [];
    for (let i = 0; i < 3; i++) {
      const one = await load(rate, { pin: false });
      // Starting takes its time whatever the duration: what a second of load costs is in the difference.
      const longer = await load(rate, { forS: 2 * seconds, pin: false });
      runs.push(one, longer);
      cores.push((longer.cpuS - one.cpuS) / seconds);
      idle.push(floor());
    }
    const of = (pick: (slip: LoadSummary["slip"]) => number): number =>
      median(runs.map(({ summary }) => pick(summary.slip)));
    const p99 = of((slip) => slip.p99_ms);
    const figures = [of((slip) => slip.p50_ms), p99, of((slip) => slip.max_ms), median(idle), median(cores)];
    fixed.push([String(rate), ...figures.map((value) => value.toFixed(3))]);
    Object.assign(document, { [`slip_p99_ms_at_${rate}`]: p99, [`cores_at_${rate}`]: median(cores) });
  }
  console.log(
    `\n${table(fixed, ["right", "right", "right", "right", "right", "right"])}\n\n${JSON.stringify(document)}`,
  );
} finally {
  await server.stop();
}
