/** What the live page costs the machine that shows it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { LIVE_PAGE } from "../../src/controller/live/page.ts";
import { EVENT_STREAM, encodeEvent } from "../../src/controller/live/sse.ts";
import type {
  FaultView,
  NodeView,
  PoolView,
  Second,
  Snapshot,
  Tick,
} from "../../src/controller/live/wire.ts";
import { LINKS } from "../../src/lab/host/links.ts";
import { NODE_NAMES, SERVICES } from "../../src/lab/host/topology.ts";
import { launch } from "./browser.ts";

setDefaultTimeout(90_000);

/** Of one core. The measure is 5 % on a quiet machine; this one may be busy. */
const MOST_SHARE = 0.1;
const SECONDS = 15;
const EVENTS_PER_S = 10;

function second(t: number): Second {
  const bound = { ms: 50 + (t % 7) * 50, over: false };
  const operation = { rate: 100 + (t % 13), error_rate: (t % 5) / 100, p50: bound, p99: bound };
  return { t, operations: { "POST /orders": operation, "GET /orders/{id}": operation } };
}

/** As busy as those of a lab with every mitigation on: each service has pools and breakers, other nodes a state. */
const nodes = (t: number): NodeView[] =>
  NODE_NAMES.map((name) => ({
    name,
    state: "ready",
    restarts: 0,
    last_exit: null,
    has_metrics: SERVICES.includes(name),
    metrics: SERVICES.includes(name) ? { pools: pools(t), calls } : null,
  }));

const pools = (t: number): PoolView[] =>
  ["workers", "pg_primary", "pg_replica", "payments"].map((pool) => ({
    pool,
    size: 16,
    in_use: t % 16,
    waiting: 0,
  }));

const calls = ["payments", "catalog", "pg_primary", "redis"].map((dependency) => ({
  dependency,
  calls_per_s: 55.5,
  retries_per_s: 0,
  breaker: "closed" as const,
}));

/** One that is in force, and past ones over all of the time that is shown. */
function faults(now: number): FaultView[] {
  return Array.from({ length: 10 }, (_, i) => ({
    id: `f-${i}`,
    type: "latency",
    target: "payments",
    params: { delay_ms: 200 },
    backend: "netem",
    t_start: now - 600_000 + i * 60_000,
    t_stop: i === 9 ? null : now - 570_000 + i * 60_000,
    lease: now + 60_000,
    left: null,
  }));
}

function stream(): Response {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const now = Date.now();
      const seconds = Array.from({ length: 600 }, (_, i) => second(now - (600 - i) * 1_000));
      const snapshot: Snapshot = {
        lab: "lab",
        now,
        places: [...NODE_NAMES, "client"],
        links: LINKS,
        seconds,
        faults: faults(now),
      };
      const send = (name: string, data: unknown): void =>
        controller.enqueue(encoder.encode(encodeEvent(name, data)));
      send("snapshot", snapshot);
      let sent = 0;
      timer = setInterval(() => {
        const t = Date.now();
        // One in ten is of the faults.
        if (sent++ % 10 === 0) send("faults", faults(t));
        else send("tick", { second: second(t), nodes: nodes(t) } satisfies Tick);
      }, 1_000 / EVENTS_PER_S);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: { "content-type": EVENT_STREAM } });
}

test(`at ${EVENTS_PER_S} events a second the page costs little of a core`, async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      const { pathname } = new URL(url);
      const headers = { "content-type": "text/html", "content-security-policy": LIVE_PAGE.policy };
      if (pathname === "/") return new Response(LIVE_PAGE.html, { headers });
      if (pathname === "/live/events") return stream();
      return Response.json({ experiments: [], runs: [], lines: [] });
    },
  });
  await using browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(server.url.href);
  await page.getByLabel("Time shown").selectOption("600");
  await page.locator("#connection", { hasText: "live" }).waitFor();
  // Past the start: what is compiled once is not what it costs.
  await Bun.sleep(3_000);
  const cdp = await browser.newBrowserCDPSession();
  const cpuSeconds = async (): Promise<Map<string, number>> => {
    const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
    return new Map(processInfo.map(({ type, id, cpuTime }) => [`${type} ${id}`, cpuTime]));
  };
  const before = await cpuSeconds();
  const started = performance.now();
  await Bun.sleep(SECONDS * 1_000);
  const after = await cpuSeconds();
  const elapsedS = (performance.now() - started) / 1_000;
  const shareOf = (type: string): number =>
    [...after].reduce(
      (sum, [key, time]) => sum + (key.startsWith(type) ? time - (before.get(key) ?? 0) : 0),
      0,
    ) / elapsedS;
  const renderer = shareOf("renderer");
  const parts = ["renderer", "GPU", "browser"].map((type) => `${type} ${(shareOf(type) * 100).toFixed(1)} %`);
  console.log(`the page at ${EVENTS_PER_S} events a second, of a core: ${parts.join(", ")}`);
  expect(renderer).toBeGreaterThan(0);
  expect(renderer).toBeLessThan(MOST_SHARE);
});
