import { expect, test } from "bun:test";
import type { FollowedTick } from "./counts.ts";
import { bucketOf } from "./histogram.ts";
import { LoadMetrics } from "./metrics.ts";
import { DEFAULT_LIMITS } from "./run.ts";

function tick(n: number, more: Partial<FollowedTick> = {}): FollowedTick {
  return {
    kind: "tick",
    tick: n,
    due: n * 10,
    sent: n * 10,
    late: n,
    in_flight: 3,
    slip_max_ms: 12,
    slip: [bucketOf(100), 10],
    deltas: [
      {
        operation: "GET /",
        outcomes: { "2xx": 8, timeout: 1, dropped: 1 },
        latency: [bucketOf(900), 2, bucketOf(2_000), 5, bucketOf(60_000_000), 1],
      },
    ],
    ...more,
  };
}

async function scraped(): Promise<string> {
  const metrics = new LoadMetrics([{ duration_s: 10, from: 0, to: 100 }], DEFAULT_LIMITS);
  metrics.tick(tick(1));
  metrics.tick(tick(2));
  return metrics.text();
}

test("counts add up over the ticks, gauges are those of the last", async () => {
  const lines = (await scraped()).split("\n");
  for (const line of [
    'chaoslab_load_requests_total{operation="GET /",outcome="2xx"} 16',
    'chaoslab_load_requests_total{operation="GET /",outcome="timeout"} 2',
    "chaoslab_load_late_total 2",
    "chaoslab_load_dropped_total 2",
    "chaoslab_load_in_flight 3",
    "chaoslab_load_offered_rps 15",
    "chaoslab_load_slip_max_seconds 0.012",
    "chaoslab_load_generator_saturated 1",
  ]) {
    expect(lines).toContain(line);
  }
});

test("the latency histogram is cumulative, of answered requests, and ends with them all", async () => {
  const text = await scraped();
  const bucket = (le: string): number =>
    Number(new RegExp(`latency_seconds_bucket\\{le="${le}",operation="GET /"\\} (\\d+)`).exec(text)?.[1]);
  expect(["0.0005", "0.001", "0.0025", "30", "\\+Inf"].map(bucket)).toEqual([0, 4, 14, 14, 16]);
  expect(text).toContain('chaoslab_load_latency_seconds_count{operation="GET /"} 16');
  const sum = Number(/latency_seconds_sum\{operation="GET \/"\} (\S+)/.exec(text)?.[1]);
  expect(sum / (2 * (2 * 0.0009 + 5 * 0.002 + 60))).toBeCloseTo(1, 2);
});

test.skipIf(Bun.which("promtool") === null)("promtool finds nothing to complain of", async () => {
  const child = Bun.spawn(["promtool", "check", "metrics"], {
    stdin: new Blob([await scraped()]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect([code, out, err]).toEqual([0, "", ""]);
});
