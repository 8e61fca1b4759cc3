import { describe, expect, test } from "bun:test";
import { addHtb, addTbf, bucket, shaped } from "./shape.ts";

const text = (argvs: string[][]): string[] => argvs.map((argv) => argv.join(" "));
const outlet = { netns: "/run/netns/n", device: "eth0", detour: null };

describe("sizes", () => {
  test.each([
    [8, 2_000, 15_140],
    [1_000, 2_000, 15_140],
    [20_000, 25_000, 250_000],
    [10_000_000, 12_500_000, 125_000_000],
  ])("%p kbit/s: a bucket of %p bytes, a queue of %p", (rate, burst, queue) => {
    expect(bucket(rate)).toEqual({ burst, queue });
  });
});

describe("commands", () => {
  test("tbf is the root", () => {
    expect(text(addTbf("eth0", "7a3c:", 20_000))).toEqual([
      "tc qdisc add dev eth0 root handle 7a3c: tbf rate 20000kbit burst 25000b limit 250000b",
    ]);
  });

  const hierarchy = (byDefault: string): string[] => [
    `tc qdisc add dev eth0 root handle 7a3c: htb default ${byDefault}`,
    "tc class add dev eth0 parent 7a3c: classid 7a3c:1 htb rate 20gbit quantum 1514",
    "tc qdisc add dev eth0 parent 7a3c:1 handle 7a3d: tbf rate 20000kbit burst 25000b limit 250000b",
  ];

  test("htb: all packets take its class", () => {
    expect(text(addHtb({ ...outlet, peerField: "dst" }, "7a3c:", 20_000, null))).toEqual(hierarchy("1"));
  });

  test.each(["dst", "src"] as const)("htb: only those of the peer, by %s, take its class", (peerField) => {
    expect(text(addHtb({ ...outlet, peerField }, "7a3c:", 20_000, "198.18.0.21"))).toEqual([
      ...hierarchy("0"),
      `tc filter add dev eth0 parent 7a3c: protocol ip prio 1 u32 match ip ${peerField} 198.18.0.21/32 flowid 7a3c:1`,
    ]);
  });
});

describe("evidence", () => {
  const root = { kind: "htb", handle: "7a3c:", dev: "eth0", root: true, overlimits: 3 };
  const child = {
    kind: "tbf",
    handle: "7a3d:",
    dev: "eth0",
    packets: 9,
    bytes: 900,
    drops: 2,
    overlimits: 40,
  };

  test("the bucket tells who waited, and what went through", () => {
    expect(shaped([root, child], "eth0", "7a3c:", "7a3d:")).toEqual({
      landed: true,
      measures: { packets: 9, bytes: 900, dropped_packets: 2, overlimits: 40 },
      detail: "htb 7a3c: on eth0 let go 9 packets (900 bytes), made packets wait 40 times, dropped 2",
    });
  });

  test.each([
    [
      "nothing had to wait",
      [
        { ...root, overlimits: 3 },
        { ...child, drops: 0, overlimits: 0 },
      ],
    ],
    ["the qdisc is gone", []],
    ["another device's", [{ ...root, dev: "eth1" }]],
  ])("%s: not landed", (_, qdiscs) => {
    expect(shaped(qdiscs, "eth0", "7a3c:", "7a3d:").landed).toBe(false);
  });
});
