import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { LoadStart, LoadSummary } from "../../src/model/load.ts";
import { latenciesOnPaper, quantileOf, type StallServer, startStallServer } from "./stall.ts";

setDefaultTimeout(60_000);

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");
const RATE = 500;
const DURATION_MS = 10_000;
const STALL_MS = 1_000;
const SERVICE_MS = 50;

describe("coordinated omission", () => {
  let server: StallServer;
  beforeAll(async () => {
    server = await startStallServer(SERVICE_MS);
  });
  afterAll(() => server.end());

  test("a stall of the target shows as on paper: every request that arrived meanwhile waited for its end", async () => {
    const flags = [
      `--rate=${RATE}`,
      `--for=${DURATION_MS}ms`,
      "--arrivals=constant",
      "--connections=2000",
      "--stream",
      "--quiet",
    ];
    const url = `http://127.0.0.1:${server.port}/`;
    const load = Bun.spawn([process.execPath, MAIN, "load", url, ...flags], { stdout: "pipe" });
    let start: LoadStart | null = null;
    let summary: LoadSummary | null = null;
    let stalled: Promise<{ from: number; to: number }> | null = null;
    let rest = "";
    for await (const chunk of load.stdout) {
      const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const record = JSON.parse(line);
        if (record.kind === "start") start = record;
        if (record.kind === "summary") summary = record;
        if (record.kind === "tick" && record.tick === 3) stalled = server.stopFor(STALL_MS);
      }
    }
    const stall = await stalled;
    const of = summary?.operations["GET /"];
    if (!stall || !start || !of) throw new Error("the load said nothing");
    const origin = start.t_start - performance.timeOrigin;
    const paper = latenciesOnPaper({
      rate: RATE,
      durationMs: DURATION_MS,
      serviceMs: SERVICE_MS,
      fromMs: stall.from - origin,
      toMs: stall.to - origin,
    });
    expect(of.requests).toBe(paper.length);
    expect(of.outcomes).toEqual({ "2xx": paper.length });
    // A closed loop would have reported one slow request per connection: here a tenth of all is slow.
    for (const [q, measured] of [
      [0.9, of.latency.p90_ms],
      [0.99, of.latency.p99_ms],
      [1, of.latency.max_ms],
    ] as const) {
      const expected = quantileOf(paper, q);
      expect(measured, `q ${q}`).toBeGreaterThan(expected * 0.85);
      expect(measured, `q ${q}`).toBeLessThan(expected * 1.15 + 40);
    }
  });
});
