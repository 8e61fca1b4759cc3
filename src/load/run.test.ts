import { afterEach, describe, expect, test } from "bun:test";
import type { LoadRecord, LoadSummary, Outcome } from "../model/load.ts";
import { Histogram } from "./histogram.ts";
import { createMixWorkload } from "./mix.ts";
import { DEFAULT_LIMITS, type LoadOptions, runLoad, WHOLE } from "./run.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function serve(handler: (request: Request) => Response | Promise<Response>): URL {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handler });
  cleanups.push(() => void server.stop(true));
  return new URL(`http://127.0.0.1:${server.port}/`);
}

const MIX = { seed: 1, reads: 0.8, tenants: 20, orders: 10_000, products: 1_000 };

const OPTIONS: Omit<LoadOptions, "workload" | "stages"> = {
  arrivals: "constant",
  timeoutMs: 3_000,
  maxConnections: 500,
  maxInFlight: 100_000,
  seed: 1,
  shard: WHOLE,
  startAt: null,
  limits: DEFAULT_LIMITS,
};

async function record(
  {
    target,
    rate = 200,
    durationMs = 1_000,
    ...options
  }: Partial<LoadOptions> & { target: URL; rate?: number; durationMs?: number },
  signal?: AbortSignal,
): Promise<{ records: LoadRecord[]; summary: LoadSummary }> {
  const records: LoadRecord[] = [];
  const emit = (each: LoadRecord): void => void records.push(each);
  const workload = createMixWorkload(target, { ...MIX, seed: options.seed ?? MIX.seed }, null);
  const stages = [{ duration_s: durationMs / 1_000, from: rate, to: rate }];
  const all = { ...OPTIONS, workload, stages, ...options };
  const summary = await runLoad(all, { emit, ...(signal ? { signal } : {}) });
  return { records, summary };
}

/** All ticks added up: per-second latency, and outcomes in total. */
function addUp(records: LoadRecord[]): { seconds: Map<number, Histogram>; outcomes: Map<Outcome, number> } {
  const seconds = new Map<number, Histogram>();
  const outcomes = new Map<Outcome, number>();
  for (const each of records) {
    if (each.kind !== "tick") continue;
    for (const delta of each.deltas) {
      const second = seconds.get(delta.second) ?? new Histogram();
      second.addSparse(delta.latency);
      seconds.set(delta.second, second);
      for (const [outcome, count] of Object.entries(delta.outcomes) as [Outcome, number][]) {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
      }
    }
  }
  return { seconds, outcomes };
}

/** A target that answers nothing for `stallMs` from its request number `from` on, then all at once. */
function stallOnce(from: number, stallMs: number): URL {
  let served = 0;
  let stalled: Promise<void> | null = null;
  return serve(async () => {
    if (++served === from) {
      stalled = Bun.sleep(stallMs).then(() => {
        stalled = null;
      });
    }
    if (stalled) await stalled;
    return new Response("{}");
  });
}

const requestsOf = (summary: LoadSummary): number =>
  Object.values(summary.operations).reduce((sum, { requests }) => sum + requests, 0);

describe("load", () => {
  test("sends what the schedule says; ticks add up to the summary", async () => {
    const seen = { reads: 0, writes: 0 };
    const target = serve((request) => {
      if (request.method === "POST") seen.writes++;
      else seen.reads++;
      return new Response("{}", { status: request.method === "POST" ? 201 : 200 });
    });
    const { records, summary } = await record({ target, durationMs: 1_200 });
    expect(summary.requests).toBe(240);
    expect(requestsOf(summary)).toBe(240);
    expect(summary.operations["GET /orders/{id}"]?.requests).toBe(seen.reads);
    expect(summary.operations["POST /orders"]?.requests).toBe(seen.writes);
    expect(summary.generator_saturated).toBe(false);
    expect(summary.goodput_rps).toBe(200);
    expect([summary.dropped, summary.slip.count, summary.duration_s]).toEqual([0, 240, 1.2]);

    expect(records.map(({ kind }) => kind)).toEqual(["start", "tick", "tick", "summary"]);
    const { seconds, outcomes } = addUp(records);
    expect([...outcomes]).toEqual([["2xx", 240]]);
    expect([...seconds].map(([second, { count }]) => [second, count])).toEqual([
      [0, 200],
      [1, 40],
    ]);
    const last = records.findLast((each) => each.kind === "tick");
    expect(last).toMatchObject({ tick: 2, due: 240, sent: 240, in_flight: 0 });
  });

  test("arrivals during a stall of the target show their wait (no coordinated omission)", async () => {
    const target = stallOnce(20, 500);
    // One connection: a closed-loop client would send one request during the stall and report one slow answer.
    const { records, summary } = await record({ target, rate: 100, durationMs: 1_000, maxConnections: 1 });
    const all = new Histogram();
    for (const histogram of addUp(records).seconds.values()) all.merge(histogram);
    expect(all.count).toBe(100);
    expect(summary.operations["GET /orders/{id}"]?.latency.max_ms).toBeGreaterThan(300);
    // 50 of 100 arrivals fall into the stall and wait 0 .. 500 ms: the median of the slowest half is 250 ms.
    expect(all.quantile(1)).toBeGreaterThanOrEqual(450_000);
    expect(all.quantile(1 - 25 / 100)).toBeGreaterThan(200_000);
    expect(all.quantile(1 - 40 / 100)).toBeGreaterThan(60_000);
    expect(all.quantile(0.3)).toBeLessThan(60_000);
    expect(summary.generator_saturated).toBe(true);
  });

  test("with connections to spare a stall is the target's wait, not the generator's", async () => {
    const target = stallOnce(30, 500);
    const { summary } = await record({ target, rate: 100, durationMs: 900 });
    const reads = summary.operations["GET /orders/{id}"];
    expect(reads?.latency.max_ms).toBeGreaterThan(400);
    expect(reads?.latency.p90_ms).toBeGreaterThan(250);
    expect(summary.slip.p50_ms).toBeLessThan(20);
    expect(summary.dropped).toBe(0);
  });

  test("too few connections: the rest is dropped, and the generator says that it was the limit", async () => {
    const target = serve(() => new Promise(() => {}));
    // The timeouts free a connection every 100 us, less than it takes to open one.
    const { summary, records } = await record({
      target,
      rate: 10_000,
      timeoutMs: 100,
      maxConnections: 1,
      durationMs: 300,
    });
    const { outcomes } = addUp(records);
    expect(summary.requests).toBe(3_000);
    expect(summary.dropped).toBeGreaterThan(100);
    expect(outcomes.get("dropped")).toBe(summary.dropped);
    expect((outcomes.get("timeout") ?? 0) + summary.dropped).toBe(3_000);
    expect(summary.generator_saturated).toBe(true);
    expect(summary.operations["GET /orders/{id}"]).toMatchObject({ error_rate: 1, latency: { count: 0 } });
  });

  test("failed answers count as errors and keep their latency; stragglers belong to their arrival second", async () => {
    const target = serve(async (request) => {
      if (request.method === "POST") return new Response("no", { status: 503 });
      await Bun.sleep(300);
      return new Response("{}");
    });
    const { summary, records } = await record({ target, rate: 100, durationMs: 850 });
    expect(summary.operations["POST /orders"]).toMatchObject({ error_rate: 1 });
    expect(summary.operations["POST /orders"]?.latency.count).toBeGreaterThan(5);
    expect(summary.operations["GET /orders/{id}"]?.error_rate).toBe(0);
    const ticks = records.filter((each) => each.kind === "tick");
    expect(ticks).toHaveLength(2);
    expect(ticks[1]?.deltas.every(({ second }) => second === 0)).toBe(true);
    expect([...addUp(records).seconds.keys()]).toEqual([0]);
  });

  test("stopped: sends nothing more, waits for answers, and sums up what was done", async () => {
    const target = serve(async () => {
      await Bun.sleep(100);
      return new Response("{}");
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 400);
    const { summary } = await record({ target, durationMs: 60_000 }, stop.signal);
    expect(summary.duration_s).toBeGreaterThan(0.35);
    expect(summary.duration_s).toBeLessThan(3);
    expect(requestsOf(summary)).toBe(summary.requests);
    expect(summary.operations["GET /orders/{id}"]?.error_rate).toBe(0);
  });

  test("the same seed asks the same questions, whatever the target's speed", async () => {
    const ask = async (delayMs: number, seed: number): Promise<string[]> => {
      const asked: string[] = [];
      const target = serve(async (request) => {
        asked.push(`${request.url.replace(/^http:..[^/]+/, "")} ${await request.text()}`);
        await Bun.sleep(delayMs);
        return new Response("{}");
      });
      await record({ target, seed, arrivals: "poisson", durationMs: 200 });
      return asked.toSorted();
    };
    const fast = await ask(0, 3);
    expect(await ask(50, 3)).toEqual(fast);
    expect(await ask(0, 4)).not.toEqual(fast);
  });
});
