import { expect, test } from "bun:test";
import { toxicBody } from "./toxic.ts";
import { ProxyTraffic, parseSamples, type ToxicObserved, toxicEvidence } from "./toxiproxy/traffic.ts";

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
  expect([traffic.received("upstream"), traffic.received("downstream")]).toEqual([3, 5]);
});

const NAME = "chaoslab-f-1-latency-downstream";
const counters = (toxic: string, connections: number, bytes: number, ends: number): string =>
  Object.entries({ connections, bytes, ends })
    .map(([what, n]) => `chaoslab_toxic_${what}_total{proxy="p",toxic="${toxic}"} ${n}`)
    .join("\n");

const evidence = (observed: Partial<ToxicObserved> & { text: string }) =>
  toxicEvidence({
    toxic: "latency",
    name: NAME,
    toxicity: 1,
    stream: "downstream",
    proxies: ["p"],
    listed: ["p"],
    before: ProxyTraffic.of("", ["p"]),
    now: ProxyTraffic.of(observed.text, ["p"]),
    ...observed,
  });

test("a toxic landed when it is on every proxy and met what it acts on", () => {
  expect(evidence({ text: counters(NAME, 2, 100, 0) })).toMatchObject({
    landed: true,
    measures: { bytes: 100 },
  });
  // There, but toxicity spared every connection; or another toxic's traffic.
  expect(evidence({ text: counters(NAME, 0, 0, 0) }).landed).toBeFalse();
  expect(
    evidence({ text: `${counters(NAME, 0, 0, 0)}\n${counters("other", 5, 500, 5)}` }).landed,
  ).toBeFalse();
  expect(evidence({ text: counters(NAME, 2, 100, 0), listed: [] }).landed).toBeFalse();
  expect(evidence({ text: counters(NAME, 1, 0, 0), toxic: "reset_peer" }).landed).toBeTrue();
  expect(evidence({ text: counters(NAME, 1, 100, 0), toxic: "slow_close" }).landed).toBeFalse();
  expect(evidence({ text: counters(NAME, 1, 100, 1), toxic: "slow_close" }).landed).toBeTrue();
});

test("a server that does not count what a toxic met: bytes since show it only where it acts on all", () => {
  const text = 'toxiproxy_proxy_received_bytes_total{direction="downstream",proxy="p"} 100';
  expect(evidence({ text }).landed).toBeTrue();
  expect(evidence({ text, before: ProxyTraffic.of(text, ["p"]) }).landed).toBeFalse();
  expect(evidence({ text, toxicity: 0.5 }).landed).toBeFalse();
  expect(evidence({ text, toxic: "slow_close" }).landed).toBeFalse();
  expect(evidence({ text, now: null }).landed).toBeFalse();
});
