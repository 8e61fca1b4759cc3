/** What packet-level faults tell tc, iptables and the worker, and what they read from them. */
import { describe, expect, test } from "bun:test";
import type { Target } from "../../lab/target.ts";
import { dropEvidence } from "./drop-rules.ts";
import { flowOf, outletOf } from "./flow.ts";
import { impairmentOf, type PacketParams } from "./impairment.ts";
import { appendRule, countersOf, dropRule, overlapping, parseRules, rulesWithComment } from "./iptables.ts";
import { evidence } from "./netem.ts";
import { workerCommand } from "./packetqueue/client.ts";
import { queueEvidence } from "./queue-evidence.ts";
import { ALL_IPV4, addNetem, netemArguments } from "./tc.ts";

const node = (name: string, last: number): Target => ({
  name,
  address: `198.18.0.${last}`,
  netns: `/run/netns/${name}`,
  device: "eth0",
  cgroup: null,
  stopSignal: "SIGTERM",
  volume: null,
  url: null,
  supervisor: null,
  links: null,
  fabric: { netns: "/run/netns/fabric", device: name },
});
const [b, a] = [node("b", 12), node("a", 11)];

describe("direction", () => {
  test.each([
    ["egress", null, "198.18.0.12", null],
    ["egress", a, "198.18.0.12", "198.18.0.11"],
    ["ingress", null, null, "198.18.0.12"],
    ["ingress", a, "198.18.0.11", "198.18.0.12"],
  ] as const)("%s: packets by address", (direction, peer, source, destination) => {
    expect(flowOf(b, peer, direction)).toEqual({ source, destination });
  });

  test("what the target sends leaves by its device, what reaches it by the fabric's", () => {
    const direct = { detour: null };
    const sent = { netns: "/run/netns/b", device: "eth0", peerField: "dst", ...direct } as const;
    expect(outletOf(b, "egress", "f-1")).toEqual(sent);
    const reached = { netns: "/run/netns/fabric", device: "b", peerField: "src", ...direct } as const;
    expect(outletOf(b, "ingress", "f-1")).toEqual(reached);
  });
});

describe("netem arguments", () => {
  const idle = "netem delay 0us limit 10000";
  test.each<[PacketParams, string]>([
    [{ loss_percent: 5 }, `${idle} loss random 5%`],
    [{ loss_percent: 0.000001 }, `${idle} loss random 0.000001%`],
    [{ loss_percent: 10, correlation_percent: 50 }, `${idle} loss gemodel 5% 45% 100% 0%`],
    [{ duplicate_percent: 20 }, `${idle} duplicate 20%`],
    [{ corrupt_percent: 0.5 }, `${idle} corrupt 0.5%`],
    [{ reorder_percent: 25, delay_ms: 20 }, "netem delay 20000us limit 10000 reorder 25%"],
    [
      { delay_ms: 30, jitter_ms: 5, loss_percent: 1 },
      "netem delay 30000us 5000us limit 10000 loss random 1%",
    ],
  ])("%p", (params, expected) => {
    expect(netemArguments(impairmentOf(params)).join(" ")).toBe(expected);
  });

  test("what is not a delay spares ARP", () => {
    expect(addNetem("b", "7a3c:", ["netem"], ALL_IPV4).at(-1)?.slice(-5).join(" ")).toBe(
      "ip dst 0.0.0.0/0 flowid 7a3c:4",
    );
  });

  test("ingress from one peer is told by its source address", () => {
    expect(addNetem("b", "7a3c:", ["netem"], "198.18.0.11", "src").at(-1)).toContain("src");
  });
});

describe("rules", () => {
  const flow = { source: null, destination: "198.18.0.12" };
  const hook = { chain: "FORWARD", device: null } as const;
  test("ingress is queued by destination alone", () => {
    expect(appendRule({ hook, ...flow, comment: "chaoslab:f-1", queue: 5 }).join(" ")).toBe(
      "iptables -w -t mangle -A FORWARD -d 198.18.0.12/32 -m comment --comment chaoslab:f-1 -j NFQUEUE --queue-num 5 --queue-bypass",
    );
  });
  test("a partition's rule goes before all others", () => {
    expect(dropRule(hook, { ...flow, source: "198.18.0.11" }, "chaoslab:f-1").join(" ")).toBe(
      "iptables -w -t mangle -I FORWARD -s 198.18.0.11/32 -d 198.18.0.12/32 -m comment --comment chaoslab:f-1 -j DROP",
    );
  });

  /** `iptables -w -t mangle -S FORWARD -v` of iptables 1.8.9 (nf_tables). */
  const counted = parseRules(`-P FORWARD ACCEPT -c 40 4000
-A FORWARD -d 198.18.0.12/32 -m comment --comment "chaoslab:f-1" -c 7 644 -j DROP
-A FORWARD -s 198.18.0.12/32 -m comment --comment "chaoslab:f-1" -c 3 276 -j DROP
-A FORWARD -s 198.18.0.99/32 -c 5 100 -j ACCEPT
`);
  const own = rulesWithComment(counted, "chaoslab:f-1");

  test("counters are those of the fault's own rules", () => {
    expect(countersOf(own)).toEqual({ packets: 10, bytes: 920 });
    expect(countersOf([])).toEqual({ packets: 0, bytes: 0 });
  });
  test.each([
    [own, 2, true],
    [own, 3, false],
    [[], 2, false],
  ])("evidence of a partition: %#", (rules, made, landed) => {
    expect(dropEvidence(rules, made).landed).toBe(landed);
  });

  test.each([
    [null, "198.18.0.12", true],
    ["198.18.0.11", "198.18.0.12", true],
    ["198.18.0.11", null, true],
    ["198.18.0.11", "198.18.0.13", false],
  ])("packets from %p to %p meet what goes to .12: %p", (source, destination, expected) => {
    const rules = parseRules(
      appendRule({ hook, ...flow, comment: "chaoslab:f-1", queue: 5 })
        .slice(4)
        .join(" "),
    );
    expect(overlapping(rules, "FORWARD", { source, destination }) !== null).toBe(expected);
  });
});

test("the worker is told what is asked, and nothing else", () => {
  const argv = workerCommand({
    ...impairmentOf({ loss_percent: 5, correlation_percent: 25 }),
    queue: 7,
    seed: 1,
    maxLifetimeMs: 10,
  });
  expect(argv.slice(argv.indexOf("internal")).join(" ")).toBe(
    "internal nfqueue --queue 7 --loss-percent 5 --correlation-percent 25 --seed 1 --max-lifetime-ms 10",
  );
});

describe("evidence of the worker", () => {
  const stats = {
    seen: 100,
    lost: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    packets: 0,
    held: 0,
    undelayed: 0,
    dropped: 0,
    mean_hold_ms: null,
    max_hold_ms: 0,
  };
  test.each([
    [{ loss_percent: 1 }, { lost: 3 }, true, { packets: 100, lost_packets: 3 }],
    [{ loss_percent: 1 }, {}, false, { packets: 100, lost_packets: 0 }],
    [{ duplicate_percent: 1 }, { duplicated: 2 }, true, { duplicated_packets: 2 }],
    [{ corrupt_percent: 1 }, { corrupted: 2 }, true, { corrupted_packets: 2 }],
    [{ reorder_percent: 1, delay_ms: 5 }, { packets: 99, reordered: 1 }, true, { reordered_packets: 1 }],
    [{ reorder_percent: 1, delay_ms: 5 }, { packets: 100 }, false, { reordered_packets: 0 }],
    [{ delay_ms: 5, loss_percent: 1 }, { packets: 9 }, true, { packets: 9, lost_packets: 0 }],
  ])("%p with %p: landed %p", (params, done, landed, measures) => {
    const what = impairmentOf(params);
    expect(queueEvidence(what, { ...stats, ...done }, true)).toMatchObject({ landed, measures });
    expect(queueEvidence(what, { ...stats, ...done }, false).landed).toBe(false);
    expect(queueEvidence(what, null, true).landed).toBe(false);
  });
});

test("netem's drops are the evidence of loss", () => {
  const shown = [{ kind: "netem", handle: "7a3c:", dev: "eth0", root: true, packets: 90, drops: 10 }];
  const loss = impairmentOf({ loss_percent: 10 });
  expect(evidence(shown, "eth0", "7a3c:", loss)).toMatchObject({
    landed: true,
    measures: { packets: 100, lost_packets: 10 },
  });
  const none = shown.map((qdisc) => ({ ...qdisc, drops: 0 }));
  expect(evidence(none, "eth0", "7a3c:", loss).landed).toBe(false);
});
