import { expect, test } from "bun:test";
import { impairmentOf, lossChain, type PacketParams } from "../impairment.ts";
import { delays } from "./delays.ts";
import { type Fate, fates, flipBit, isDestination } from "./fates.ts";

const COUNT = 100_000;
function take(params: PacketParams, seed = 5): Fate[] {
  const next = fates(impairmentOf(params), seed);
  return Array.from({ length: COUNT }, next);
}
const count = (all: Fate[], is: (fate: Fate) => boolean): number => all.filter(is).length;

test.each([
  [{ loss_percent: 5 }, "lost", 5_000],
  [{ loss_percent: 100 }, "lost", COUNT],
  [{ duplicate_percent: 20 }, "duplicated", 20_000],
  [{ reorder_percent: 25, delay_ms: 10 }, "reordered", 25_000],
  [{ delay_ms: 10 }, "lost", 0],
] as const)("%p: this many are %s", (params, what, expected) => {
  // Four standard deviations of a binomial count are at most 632.
  expect(Math.abs(count(take(params), (fate) => fate[what]) - expected)).toBeLessThan(632);
});

test("corruption picks bits all over the packet", () => {
  const hit = take({ corrupt_percent: 50 }).flatMap(({ corruptedAt }) => corruptedAt ?? []);
  expect(Math.abs(hit.length - 50_000)).toBeLessThan(632);
  expect(Math.min(...hit.slice(0, 1_000))).toBeLessThan(0.01);
  expect(Math.max(...hit.slice(0, 1_000))).toBeGreaterThan(0.99);
  expect(Math.abs(hit.reduce((sum, at) => sum + at, 0) / hit.length - 0.5)).toBeLessThan(0.01);
});

test("correlation makes bursts and leaves the share as it is", () => {
  const lost = take({ loss_percent: 5, correlation_percent: 50 }).map((fate) => fate.lost);
  const total = lost.filter(Boolean).length;
  const bursts = lost.filter((is, i) => is && lost[i - 1] !== true).length;
  // Spread of the share: (1 + c) / (1 - c) = 3 times the binomial variance, four deviations are 477.
  expect(Math.abs(total - 5_000)).toBeLessThan(477);
  // 1 / ((1 - 0.5) (1 - 0.05)) packets a burst.
  expect(Math.abs(total / bursts - 2.105)).toBeLessThan(0.15);
});

test.each([
  [10, 0, 0.1, 0.1],
  [10, 50, 0.55, 0.05],
  [100, 50, 1, 0.5],
])(
  "loss of %p %% with %p %% correlation: %p after a loss, %p after none",
  (loss, correlation, afterLoss, afterPass) => {
    const chain = lossChain(loss, correlation);
    expect(chain.afterLoss).toBeCloseTo(afterLoss, 12);
    expect(chain.afterPass).toBeCloseTo(afterPass, 12);
  },
);

test("the same seed gives the same fates, another seed others", () => {
  const params = { loss_percent: 10, duplicate_percent: 10, corrupt_percent: 10, delay_ms: 5, jitter_ms: 5 };
  expect(take(params, 9)).toEqual(take(params, 9));
  expect(take(params, 9)).not.toEqual(take(params, 10));
});

test("loss beside latency leaves the delays as they are without it", () => {
  const next = delays(200, 50, 9);
  const alone = Array.from({ length: COUNT }, next);
  const beside = take({ delay_ms: 200, jitter_ms: 50, loss_percent: 10 }, 9);
  expect(beside.map((fate) => fate.delayMs)).toEqual(alone);
});

test("what goes ahead takes no delay, the others take it", () => {
  for (const fate of take({ reorder_percent: 25, delay_ms: 10 })) {
    expect(fate.delayMs).toBe(fate.reordered ? 0 : 10);
  }
});

test.each([
  [0, "0100"],
  [0.5, "0001"],
  [0.9999, "0080"],
])("a flip at %p of 00 00 gives %p", (at, expected) => {
  const packet = new Uint8Array(2);
  const byte = flipBit(packet, at);
  expect(packet.toHex()).toBe(expected);
  expect(packet[byte]).not.toBe(0);
});

test("a flip in an IPv4 packet's destination is known for what it is", () => {
  const packet = new Uint8Array(40);
  packet[0] = 0x45;
  const bytes = [0, 15, 16, 19, 20, 39];
  expect(bytes.filter((byte) => isDestination(packet, byte))).toEqual([16, 19]);
  packet[0] = 0x60;
  expect(bytes.some((byte) => isDestination(packet, byte))).toBe(false);
});
