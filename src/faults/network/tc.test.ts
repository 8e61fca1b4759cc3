import { describe, expect, test } from "bun:test";
import { evidence } from "./netem.ts";
import {
  addNetem,
  childHandle,
  deleteRoot,
  hasRoot,
  isOwnHandle,
  netemDelay,
  parseQdiscs,
  rootHandle,
  rootState,
} from "./tc.ts";

const text = (argvs: string[][]): string[] => argvs.map((argv) => argv.join(" "));

describe("netem arguments", () => {
  test.each([
    [100, 0, "netem delay 100000us limit 20000"],
    [200, 50, "netem delay 200000us 50000us limit 50000"],
    [0.5, 0, "netem delay 500us limit 10000"],
    [60_000, 0, "netem delay 60000000us limit 12000000"],
  ])("%p ms +/- %p ms", (delay, jitter, expected) => {
    expect(netemDelay(delay, jitter).join(" ")).toBe(expected);
  });
});

describe("commands", () => {
  test("all packets: netem is the root", () => {
    expect(text(addNetem("eth0", "7a3c:", ["netem", "delay", "1000us"], null))).toEqual([
      "tc qdisc add dev eth0 root handle 7a3c: netem delay 1000us",
    ]);
  });

  test("one peer: netem is the fourth band of a prio, which only the filter reaches", () => {
    expect(text(addNetem("eth0", "7a3c:", ["netem", "delay", "1000us"], "198.18.0.21"))).toEqual([
      "tc qdisc add dev eth0 root handle 7a3c: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
      "tc qdisc add dev eth0 parent 7a3c:4 handle 7a3d: netem delay 1000us",
      "tc filter add dev eth0 parent 7a3c: protocol ip prio 1 u32 match ip dst 198.18.0.21/32 flowid 7a3c:4",
    ]);
  });

  test("deletes by handle", () => {
    expect(deleteRoot("eth0", "7a3c:").join(" ")).toBe("tc qdisc del dev eth0 root handle 7a3c:");
  });
});

describe("handles", () => {
  test("are even, in our range, and differ between faults", () => {
    const handles = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const handle = rootHandle(`f-${i}`);
      handles.add(handle);
      expect(isOwnHandle(handle)).toBe(true);
      expect(isOwnHandle(childHandle(handle))).toBe(true);
      expect(Number.parseInt(handle, 16) % 2).toBe(0);
    }
    expect(handles.size).toBeGreaterThan(90);
  });

  test("the kernel's and other people's are not ours", () => {
    for (const handle of ["0:", "1:", "10:", "8001:", "ffff:"]) expect(isOwnHandle(handle)).toBe(false);
  });
});

/** `tc -s -j qdisc show` of iproute2 6.1 on Linux 6.1, shortened. */
const SHOWN = JSON.stringify([
  { kind: "noqueue", handle: "0:", dev: "lo", root: true, options: {}, bytes: 0, packets: 0, drops: 0 },
  {
    kind: "prio",
    handle: "7a3c:",
    dev: "eth0",
    root: true,
    options: { bands: 4 },
    bytes: 900,
    packets: 9,
    drops: 0,
  },
  {
    kind: "netem",
    handle: "7a3d:",
    dev: "eth0",
    parent: "7a3c:4",
    options: {},
    bytes: 500,
    packets: 5,
    drops: 2,
  },
  { kind: "htb", handle: "1:", dev: "eth1", root: true, options: {}, bytes: 0, packets: 0, drops: 0 },
  { kind: "netem", handle: "8001:", dev: "eth2", root: true, options: {}, bytes: 0, packets: 0, drops: 0 },
]);

describe("what tc shows", () => {
  const qdiscs = parseQdiscs(SHOWN);

  test.each([
    ["lo", "free"],
    ["eth0", "ours"],
    ["eth1", "foreign"],
    ["eth2", "foreign"],
    ["gone", "free"],
  ] as const)("the root of %s is %s", (device, state) => {
    expect(rootState(qdiscs, device)).toBe(state);
  });

  test("only the same kind and handle is the same root", () => {
    expect(hasRoot(qdiscs, "eth0", "prio", "7a3c:")).toBe(true);
    expect(hasRoot(qdiscs, "eth0", "netem", "7a3c:")).toBe(false);
    expect(hasRoot(qdiscs, "eth0", "prio", "7a3e:")).toBe(false);
    expect(hasRoot(qdiscs, "eth0", "netem", "7a3d:")).toBe(false);
  });

  test("the netem counters are the evidence", () => {
    expect(evidence(qdiscs, "eth0", "7a3d:")).toMatchObject({
      landed: true,
      measures: { packets: 5, dropped_packets: 2 },
    });
    expect(evidence(qdiscs, "eth0", "7a3e:")).toMatchObject({ landed: false, measures: { packets: 0 } });
  });

  test("no qdiscs, and an unknown answer", () => {
    expect(parseQdiscs("")).toEqual([]);
    expect(() => parseQdiscs('[{"a":1}]')).toThrow("unknown answer");
  });
});
