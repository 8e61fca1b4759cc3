/** Faults on packets, by netem and by rules, as pings between the nodes of the lab meet them. @module */
import { exec } from "../../src/lab/exec.ts";
import type { FaultType } from "../../src/model/fault.ts";
import type { Check } from "./check.ts";
import { type FaultProof, faultCheck } from "./fault-check.ts";
import { connectMs, lab, pingMs } from "./machine.ts";
import { median, type Pings, percent, pings } from "./ping.ts";

/** Round trips under emulation scatter by tens of milliseconds; the delay stands out from that. */
const DELAY_MS = 500;
/** Of 200 pings: its standard deviation is 3.2 %. */
const SHARE_PERCENT = 30;
const near = (share: number): boolean => Math.abs(share - SHARE_PERCENT / 100) < 0.12;

const delayed = {
  shows: (now: number, calm: number): boolean => now - calm > DELAY_MS - 100,
  clean: (now: number, calm: number): boolean => now - calm < DELAY_MS / 2,
  text: (ms: number): string => `${ms.toFixed(0)} ms`,
};

export const qdiscs = async (namespace = lab().topology.namespace("payments")): Promise<string> =>
  (await exec(["tc", "-n", namespace, "qdisc", "show"])).stdout;
const fabricQdiscs = (): Promise<string> => qdiscs(lab().topology.fabricNamespace);

const mangleRules = async (): Promise<string> => {
  const { fabricNamespace } = lab().topology;
  const show = ["iptables", "-w", "-t", "mangle", "-S", "FORWARD"];
  return (await exec(["ip", "netns", "exec", fabricNamespace, ...show])).stdout;
};

const latencies: Check[] = [
  {
    name: "latency by netem",
    params: { delay_ms: DELAY_MS },
    backend: "netem",
    measure: () => connectMs("payments"),
    spared: () => connectMs("catalog"),
    kernel: () => qdiscs(),
    trace: /netem/,
  },
  {
    name: "latency towards one peer by netem",
    params: { delay_ms: DELAY_MS, peer: "orders-1" },
    backend: "netem",
    measure: () => pingMs("orders-1", "payments"),
    spared: () => pingMs("orders-2", "payments"),
    kernel: () => qdiscs(),
    trace: /netem/,
  },
  {
    name: "latency by nfqueue",
    params: { delay_ms: DELAY_MS },
    backend: "nfqueue",
    insist: true,
    measure: () => connectMs("payments"),
    spared: () => connectMs("catalog"),
    kernel: mangleRules,
    trace: /NFQUEUE/,
  },
].map(({ params, ...proof }) =>
  faultCheck({ ...proof, ...delayed, fault: { type: "latency", target: "payments", params } }),
);

const unharmed = ({ lost, duplicated, overtook }: Pings): boolean => lost + duplicated + overtook === 0;

type Params = Readonly<Record<string, unknown>>;
type Expected = Pick<FaultProof<Pings>, "shows" | "text"> & Partial<FaultProof<Pings>>;

/** A fault on payments, seen by pings from orders-1; those to catalog are spared. */
const pinged = (type: FaultType, params: Params, expected: Expected): Check =>
  faultCheck<Pings>({
    name: `${type} by netem`,
    fault: { type, target: "payments", params },
    backend: "netem",
    measure: () => pings("orders-1", "payments"),
    spared: () => pings("orders-1", "catalog"),
    clean: unharmed,
    kernel: () => qdiscs(),
    trace: /netem/,
    ...expected,
  });

const lost = {
  shows: (now: Pings) => near(now.lost),
  text: (now: Pings) => `${percent(now.lost)} lost`,
};

const impairments: Check[] = [
  pinged("loss", { loss_percent: SHARE_PERCENT }, { ...lost, trace: /netem.* loss 30%/ }),
  pinged(
    "loss",
    { loss_percent: SHARE_PERCENT, direction: "ingress", peer: "orders-1" },
    {
      ...lost,
      name: "loss of what one peer sends by netem",
      spared: () => pings("orders-2", "payments"),
      kernel: fabricQdiscs,
      trace: /netem.* dev payments .*loss 30%/,
    },
  ),
  pinged(
    "duplicate",
    { duplicate_percent: SHARE_PERCENT },
    {
      shows: (now) => near(now.duplicated) && now.lost === 0,
      text: (now) => `${percent(now.duplicated)} twice`,
      trace: /netem.* duplicate 30%/,
    },
  ),
  pinged(
    "corrupt",
    { corrupt_percent: SHARE_PERCENT },
    // The bit that is flipped is now and then one of the Ethernet header that nobody looks at.
    { ...lost, trace: /netem.* corrupt 30%/ },
  ),
  pinged(
    "reorder",
    // A delay of twenty intervals: emulation may hold a few pings back and send them at once.
    { reorder_percent: SHARE_PERCENT, delay_ms: 100 },
    {
      shows: (now) => near(now.overtook) && now.lost === 0,
      text: (now) => `${percent(now.overtook)} overtook`,
      trace: /netem.* reorder 30%/,
    },
  ),
  pinged(
    "latency",
    { delay_ms: 400, jitter_ms: 200, loss_percent: SHARE_PERCENT },
    {
      name: "latency with jitter and loss by netem",
      // Uniform from 200 to 600 ms: the quickest and the slowest of 200 are next to the ends.
      shows: (now, calm) => {
        const added = now.roundTrips.map((ms) => ms - median(calm.roundTrips));
        const [least = 0, most = 0] = [added[0], added.at(-1)];
        return (
          near(now.lost) &&
          least > 150 &&
          least < 300 &&
          most - least > 300 &&
          within(median(added), 300, 550)
        );
      },
      clean: (now) => unharmed(now) && median(now.roundTrips) < 100,
      text: ({ lost, roundTrips: all }) =>
        `${percent(lost)} lost, ${all[0] ?? 0} / ${median(all)} / ${all.at(-1) ?? 0} ms`,
      trace: /netem.* delay 400ms +200ms.* loss 30%/,
    },
  ),
];

function within(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

/** How many of the pings come back; few, as each series of lost ones takes seconds. */
const few = { measure: () => pings("orders-1", "payments", 20, 50) };
const cutOff = (name: string, params: Params, spared: () => Promise<Pings>): Check =>
  pinged("partition", params, {
    ...few,
    name,
    spared,
    backend: "iptables",
    shows: (now) => now.lost === 1,
    text: lost.text,
    kernel: mangleRules,
    trace: /DROP/,
  });

const partitions: Check[] = [
  cutOff("partition from everybody", {}, () => pings("orders-1", "catalog", 20, 50)),
  cutOff("partition from one peer", { peer: "orders-1" }, () => pings("orders-2", "payments", 20, 50)),
];

export const packetChecks: readonly Check[] = [...latencies, ...impairments, ...partitions];
