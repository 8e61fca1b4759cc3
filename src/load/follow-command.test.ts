/** What follows a running load: thresholds and metrics, in real runs of the command. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { JudgedSummary } from "../model/load.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");

let failing = 0;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/slow") await Bun.sleep(100);
    // Fails from the second second on, at 100 rps.
    if (pathname === "/fails" && ++failing > 100) return new Response("no", { status: 503 });
    return new Response("{}");
  },
});
const TARGET = `http://127.0.0.1:${server.port}`;
afterAll(() => void server.stop(true));

function start(...args: string[]) {
  return Bun.spawn([process.execPath, MAIN, "load", ...args], { stdout: "pipe", stderr: "pipe" });
}

async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = start(...args);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

describe.concurrent("thresholds", () => {
  test("a healthy load passes them all and exits 0", async () => {
    const { code, out } = await finish(
      `${TARGET}/`,
      "--for=2s",
      "--quiet",
      "--threshold=p99 < 2 s",
      "--threshold=GET /: availability >= 99 % for 1s",
      "--threshold=goodput >= 20 rps",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/\npass +p99 < 2 s +\d.* ms\n/);
    expect(out).toMatch(/\npass +goodput >= 20 rps +\d.* rps\n/);
  });

  test("one that fails at the end is named, and the exit code is 99", async () => {
    const { code, out } = await finish(
      `${TARGET}/slow`,
      "--for=1s",
      "--quiet",
      "--json",
      "--threshold=p50 < 50 ms",
      "--threshold=error_rate < 1 %",
    );
    expect(code).toBe(99);
    const { thresholds } = JSON.parse(out) as JudgedSummary;
    expect(thresholds).toEqual([
      expect.objectContaining({ threshold: "p50 < 50 ms", ok: false, unit: "ms", aborted_at_s: null }),
      expect.objectContaining({ threshold: "error_rate < 1 %", ok: true, value: 0, aborted_at_s: null }),
    ]);
    expect(thresholds[0]?.value).toBeGreaterThan(100);
  });

  test("a breach that lasts aborts the load at once", async () => {
    const began = performance.now();
    const { code, out, err } = await finish(
      `${TARGET}/fails`,
      "--arrivals=constant",
      "--for=60s",
      "--json",
      "--threshold=error_rate < 10 % for 2s",
    );
    expect(code).toBe(99);
    expect(performance.now() - began).toBeLessThan(20_000);
    const { thresholds, duration_s } = JSON.parse(out) as JudgedSummary;
    const [result] = thresholds;
    expect(result).toMatchObject({ ok: false, breached_from_s: 1, aborted_at_s: 3 });
    expect(result?.value).toBeGreaterThan(0.5);
    expect(duration_s).toBeGreaterThanOrEqual(3);
    expect(duration_s).toBeLessThan(10);
    expect(err).toContain("stopping: error_rate < 10 % for 2s breached since 1 s");
  }, 30_000);

  test("a rate that the generator cannot reach aborts, while its requests still wait for a connection", async () => {
    const { code, out } = await finish(
      `${TARGET}/slow`,
      "--connections=1",
      "--for=60s",
      "--timeout=3s",
      "--json",
      "--quiet",
      "--threshold=rate >= 95 % for 2s",
    );
    expect(code).toBe(99);
    const { thresholds, generator_saturated } = JSON.parse(out) as JudgedSummary;
    expect(generator_saturated).toBeTrue();
    expect(thresholds[0]?.aborted_at_s).toBeLessThan(10);
    // Ten a second at most of the hundred.
    expect(thresholds[0]?.value).toBeLessThan(0.3);
  }, 30_000);

  test.each([
    ["p99 < 250", "is in ms or s"],
    ["p98 < 250 ms", "no metric p98; there are mean, p50"],
    ["GET /other: p99 < 250 ms", "no operation GET /other; there are GET /"],
  ])("%j is refused before anything is sent", async (text, why) => {
    const { code, err } = await finish("http://127.0.0.1:1/", `--threshold=${text}`);
    expect(code).toBe(2);
    expect(err).toMatch(/^chaoslab: --threshold: [^\n]+\n$/);
    expect(err).toContain(why);
  });
});

describe.concurrent("metrics", () => {
  /** The address that a load with `--metrics` names first. */
  async function urlOf(child: ReturnType<typeof start>): Promise<string> {
    let said = "";
    const decoder = new TextDecoder();
    for await (const part of child.stderr) {
      said += decoder.decode(part, { stream: true });
      const url = /metrics at (\S+\/metrics)/.exec(said)?.[1];
      if (url !== undefined) return url;
    }
    throw new Error(`no metrics: ${said}`);
  }

  /** Scrapes until the value of the series is above zero. */
  async function until(url: string, series: RegExp, headers: Record<string, string> = {}): Promise<string> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(50)) {
      const text = await (await fetch(url, { headers })).text();
      if (Number(series.exec(text)?.[1]) > 0) return text;
    }
    throw new Error(`never above zero: ${series}`);
  }

  test("a running load is scraped: outcomes, latency, rate", async () => {
    const child = start(`${TARGET}/`, "--for=60s", "--rate=200", "--metrics=0");
    try {
      const url = await urlOf(child);
      expect(url).toStartWith("http://127.0.0.1:");
      const text = await until(url, /requests_total\{operation="GET \/",outcome="2xx"\} (\d+)/);
      expect(text).toContain("chaoslab_load_offered_rps 200");
      expect(text).toContain("# TYPE chaoslab_load_latency_seconds histogram");
      const [ended, counted] = [/requests_total\{.*\} (\d+)/, /latency_seconds_count\{.*\} (\d+)/].map(
        (series) => Number(series.exec(text)?.[1]),
      );
      expect(ended).toBeGreaterThan(100);
      expect(counted).toBe(ended);
      expect(text).not.toContain("tenant");
      expect((await fetch(new URL("/other", url))).status).toBe(404);
    } finally {
      child.kill("SIGINT");
      expect(await child.exited).toBe(105);
    }
  }, 20_000);

  test("with a token only those who carry it may look", async () => {
    const token = "a-token-long-enough";
    const child = start(`${TARGET}/`, "--for=60s", "--metrics=127.0.0.1:0", "--token", token);
    try {
      const url = await urlOf(child);
      expect((await fetch(url)).status).toBe(401);
      const headers = { authorization: `Bearer ${token}` };
      await until(url, /chaoslab_load_offered_rps (\d+)/, headers);
    } finally {
      child.kill("SIGINT");
      await child.exited;
    }
  }, 20_000);

  test("a port that is taken, and an address beyond loopback without a token, are refused in one line", async () => {
    const [taken, open, odd] = await Promise.all([
      finish(`${TARGET}/`, "--for=60s", `--metrics=${server.port}`),
      finish(`${TARGET}/`, "--for=60s", "--metrics=0.0.0.0:0"),
      finish(`${TARGET}/`, "--for=60s", "--metrics=seven"),
    ]);
    for (const { err } of [taken, open, odd]) expect(err).toMatch(/^chaoslab: [^\n]+\n$/);
    expect([taken.code, open.code, odd.code]).toEqual([5, 2, 2]);
    expect(taken.err).toContain("already in use");
    expect(open.err).toContain("--metrics: 0.0.0.0 is not loopback, so a token is needed");
  });
});
