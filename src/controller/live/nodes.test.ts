import { expect, test } from "bun:test";
import { parseExposition } from "../../observe/exposition.ts";
import { type NodeScrape, nodeView } from "./nodes.ts";

const scrape = (t: number, calls: number, retries: number, breaker: 0 | 1): NodeScrape => ({
  t,
  samples: parseExposition(`
chaoslab_pool_size{pool="workers",node="orders-1"} 16
chaoslab_pool_in_use{pool="workers",node="orders-1"} 3
chaoslab_pool_waiting{pool="workers",node="orders-1"} 1
chaoslab_dependency_calls_total{dependency="payments",node="orders-1"} ${calls}
chaoslab_retries_total{dependency="payments",node="orders-1"} ${retries}
chaoslab_breaker_state{dependency="payments",node="orders-1"} 2
chaoslab_mitigation_enabled{mitigation="breaker",node="orders-1"} ${breaker}
`),
});
const STATUS = {
  name: "orders-1",
  state: "ready",
  address: "198.18.0.21",
  port: 8081,
  pid: 1,
  restarts: 2,
  since: 0,
  last_exit: "signal SIGKILL",
} as const;

test("pools, calls and retries per second, and the breakers that are on", () => {
  const view = nodeView("orders-1", [STATUS], {
    before: scrape(0, 100, 0, 1),
    now: scrape(2_000, 300, 10, 1),
  });
  expect(view).toEqual({
    name: "orders-1",
    state: "ready",
    restarts: 2,
    last_exit: "signal SIGKILL",
    has_metrics: true,
    metrics: {
      pools: [{ pool: "workers", size: 16, in_use: 3, waiting: 1 }],
      calls: [{ dependency: "payments", calls_per_s: 100, retries_per_s: 5, breaker: "open" }],
    },
  });
});

test("a breaker that is switched off is none; counters that began anew are no rate", () => {
  const view = nodeView("orders-1", [STATUS], { before: scrape(0, 100, 9, 0), now: scrape(1_000, 7, 0, 0) });
  expect(view.metrics?.calls).toEqual([
    { dependency: "payments", calls_per_s: null, retries_per_s: null, breaker: null },
  ]);
});

test("a breaker before one replica is that of the node", () => {
  const samples = parseExposition(`
chaoslab_breaker_state{dependency="orders 198.18.0.21:8081"} 1
chaoslab_breaker_state{dependency="orders 198.18.0.99:8081"} 0
chaoslab_mitigation_enabled{mitigation="breaker"} 1
`);
  const { metrics } = nodeView("api", [STATUS], { before: null, now: { t: 0, samples } });
  expect(metrics?.calls.map(({ dependency, breaker }) => `${dependency} ${breaker}`)).toEqual([
    "orders-1 half-open",
    "orders 198.18.0.99:8081 closed",
  ]);
});

test("what is not known is said to be not known", () => {
  expect(nodeView("redis", null, null)).toMatchObject({ state: null, has_metrics: false, metrics: null });
  expect(nodeView("api", null, { before: null, now: null })).toMatchObject({
    has_metrics: true,
    metrics: null,
  });
});
