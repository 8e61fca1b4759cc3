/** SLIs of the servers' side in a real run: scraped by chaoslab, and asked of a real Prometheus; faults together and staggered. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { type PrometheusServer, startPrometheus } from "../observe/prometheus-server.ts";
import { chaoslab } from "../support.ts";
import { Runs } from "./kit.ts";

setDefaultTimeout(120_000);

let runs: Runs;
let prometheus: PrometheusServer;
beforeAll(async () => {
  runs = await Runs.onLab("test-s");
  prometheus = await startPrometheus(`${runs.lab.topology.address("api")}:8080`, "/prometheus");
});
afterAll(async () => {
  await prometheus[Symbol.asyncDispose]();
  await chaoslab(["down", "--lab", "test-s"]);
  rmSync(runs.scratch, { recursive: true, force: true });
});

const slow = { type: "latency", target: "payments", params: { delay_ms: 150 } } as const;
const starved = { type: "cpu", target: "catalog", params: { cores: 0.05 }, at_s: 4, for_s: 4 } as const;
/** Of the api, as Prometheus counts them over 5 s. */
const QUERY = 'sum(rate(chaoslab_http_requests_total{route=~"/orders.*"}[5s]))';
const SLIS = {
  attempts: {
    metric: 'chaoslab_dependency_attempts_total{dependency="payments"}',
    value: "rate",
    over: "mean",
    unit: "rps",
  },
  amplified: {
    metric: 'chaoslab_dependency_attempts_total{dependency="payments"}',
    per: 'chaoslab_dependency_calls_total{dependency="payments"}',
    unit: "count",
  },
  requests: { query: QUERY, over: "mean", unit: "rps" },
} as const;

test("scraped metrics, quotients and PromQL are judged beside the load's own; two faults are each in force in their time", async () => {
  const within = (low: string, high: string) => ({ steady: low, fault: high });
  const schedule = {
    slis: SLIS,
    prometheus: { url: prometheus.url },
    slos: {
      attempts: within("> 5 rps", "> 5 rps"),
      amplified: within("< 2", "< 2"),
      requests: within("> 20 rps", "> 20 rps"),
    },
    hypotheses: [
      {
        name: "two",
        sli: "write_p99",
        steady_state: "< 1500 ms",
        slo_threshold: "< 1900 ms",
        faults: [slow, starved],
        window_s: 10,
      },
    ],
  };
  const { verdict } = await runs.verdictOf(runs.schedule({ schedule, windows: { warmup_s: 6 } }));
  const of = (sli: string) => verdict.slis.find((each) => each.sli === sli);
  // 20 checkouts of 100 requests a second.
  for (const phase of ["baseline", "fault"] as const) {
    expect(of("attempts")?.[phase] ?? 0).toBeWithin(10, 30);
    expect(of("amplified")?.[phase] ?? 0).toBeWithin(0.9, 1.5);
    expect(of("requests")?.[phase] ?? 0).toBeWithin(60, 130);
  }
  expect(of("requests")).toMatchObject({ source: "prometheus", endpoint: null, fault_in_bound: true });

  const [first, second] = verdict.fault_events;
  expect(verdict.fault_events.map(({ fault_type, gone }) => [fault_type, gone])).toEqual([
    ["latency", true],
    ["cpu", true],
  ]);
  const begun = (second?.t_start ?? 0) - (first?.t_start ?? 0);
  expect(begun).toBeWithin(3_000, 7_000);
  expect((second?.t_stop ?? 0) - (second?.t_start ?? 0)).toBeWithin(3_000, 6_000);
  expect(second?.t_stop ?? 0).toBeLessThan(first?.t_stop ?? 0);
  expect(verdict.backend?.split(", ")).toHaveLength(2);
});

test("mitigations are switched for the trial, and back after it; every repeat is told", async () => {
  const file = runs.schedule({
    schedule: { repeats: 2 },
    hypothesis: { mitigations: ["outbox"], window_s: 5 },
  });
  const { document } = await runs.verdictOf(file);
  expect(document.verdicts.map(({ repeat, mitigations }) => [repeat, mitigations])).toEqual([
    [1, ["outbox"]],
    [2, ["outbox"]],
  ]);
  expect(document.stability).toMatchObject([{ hypothesis: "slow-payments", repeats: 2 }]);
  const switched = await fetch(`${runs.lab.topology.url("orders-1")}/mitigations`);
  expect(((await switched.json()) as { mitigations: string[] }).mitigations).toEqual([]);
});
