import { expect, test } from "bun:test";
import { toxicBody } from "./toxic.ts";
import { ProxyTraffic, parseSamples, toxicEvidence } from "./toxiproxy/traffic.ts";

test("params become a toxic in Toxiproxy's own words", () => {
  expect(
    toxicBody("f-1", { toxic: "slicer", average_size_bytes: 10, delay_us: 5, toxicity_percent: 25, seed: 9 }),
  ).toEqual({
    name: "chaoslab-f-1-slicer-downstream",
    type: "slicer",
    stream: "downstream",
    toxicity: 0.25,
    attributes: { average_size: 10, size_variation: 0, delay: 5 },
    seed: 9,
  });
  expect(toxicBody("f-2", { toxic: "limit_data", limit_bytes: 1, stream: "upstream" })).toMatchObject({
    stream: "upstream",
    toxicity: 1,
    attributes: { bytes: 1 },
    seed: 1,
  });
});

/** Shopify's lines; its listener and upstream hold characters that a naive reader stumbles over. */
const metrics = (received: number): string =>
  [
    "# HELP toxiproxy_proxy_received_bytes_total help",
    "# TYPE toxiproxy_proxy_received_bytes_total counter",
    `toxiproxy_proxy_received_bytes_total{direction="upstream",listener="[::]:1",proxy="a,b}",upstream="x:1"} 3`,
    `toxiproxy_proxy_received_bytes_total{direction="downstream",listener="[::]:1",proxy="a,b}",upstream="x:1"} ${received}`,
    `toxiproxy_proxy_received_bytes_total{direction="downstream",listener="[::]:2",proxy="other",upstream="x:2"} 1e+06`,
    "go_goroutines 12",
  ].join("\n");

test("metrics are read by proxy and stream", () => {
  expect(parseSamples(metrics(5)).at(-1)).toEqual({ metric: "go_goroutines", labels: {}, value: 12 });
  const traffic = ProxyTraffic.of(metrics(5), ["a,b}"]);
  expect([traffic.received("upstream"), traffic.received("downstream"), traffic.sent("upstream")]).toEqual([
    3, 5, 0,
  ]);
});

const seen = (received: number, listed = ["a,b}"]) =>
  toxicEvidence({
    toxic: "latency",
    stream: "downstream",
    proxies: ["a,b}"],
    listed,
    before: ProxyTraffic.of(metrics(5), ["a,b}"]),
    now: ProxyTraffic.of(metrics(received), ["a,b}"]),
  });

test("a toxic landed when it is there and bytes of its stream met it", () => {
  expect(seen(105)).toMatchObject({ landed: true, measures: { proxies: 1, received_bytes: 100 } });
  expect(seen(5).landed).toBeFalse();
  expect(seen(105, []).landed).toBeFalse();
});

test("slow_close landed only when a connection closed; without metrics nothing did", () => {
  const closing = (opened: number, open: number) =>
    ProxyTraffic.of(
      `toxiproxy_proxy_connections_total{proxy="p"} ${opened}\ntoxiproxy_proxy_connections{proxy="p"} ${open}`,
      ["p"],
    );
  const slowClose = (now: ProxyTraffic | null) =>
    toxicEvidence({
      toxic: "slow_close",
      stream: "downstream",
      proxies: ["p"],
      listed: ["p"],
      before: closing(4, 4),
      now,
    });
  expect(slowClose(closing(6, 6)).landed).toBeFalse();
  expect(slowClose(closing(6, 5))).toMatchObject({ landed: true, measures: { closed_connections: 1 } });
  expect(slowClose(null).landed).toBeFalse();
});
