import { expect, test } from "bun:test";
import type { Target } from "../lab/target.ts";
import { latency } from "./latency.ts";

const node = (name: string): Target => ({
  name,
  address: "198.18.0.31",
  netns: `/run/netns/chaoslab-no-such-${name}`,
  device: "eth0",
  cgroup: null,
  stopSignal: "SIGTERM",
  volume: null,
  url: null,
  supervisor: null,
  links: null,
  fabric: { netns: "/run/netns/chaoslab-no-such-fabric", device: name },
});
const prepare = (params: Record<string, unknown>, backend?: string, others: Record<string, Target> = {}) =>
  latency.prepare({ id: "f-1", params, target: node("payments"), others, maxLifetimeMs: 1 }, backend);

test.each([
  [{}, "badConfig", /^latency: params\.delay_ms: /],
  [{ delay_ms: 0 }, "badConfig", /^latency: params\.delay_ms: /],
  [{ delay_ms: 10, jitter: 5 }, "badConfig", /^latency: params\.jitter: /],
  [{ delay_ms: 10, jitter_ms: 11 }, "badConfig", /params.jitter_ms: 11 is more than delay_ms/],
])("params %p are refused before anything is tried", async (params, kind, message) => {
  await expect(prepare(params)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
});

test("a node cannot be its own peer", async () => {
  const others = { payments: node("payments") };
  await expect(prepare({ delay_ms: 1, peer: "payments" }, undefined, others)).rejects.toMatchObject({
    kind: "badConfig",
  });
});

test("an unknown backend is named, with those there are", async () => {
  await expect(prepare({ delay_ms: 1 }, "magic")).rejects.toMatchObject({
    kind: "usage",
    message: "latency: no backend called magic",
    hint: "backends: netem, nfqueue",
  });
});
