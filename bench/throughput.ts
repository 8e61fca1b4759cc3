/**
 * What the packet backend costs: packets and bytes a second through it, and what it adds to a round trip, against no
 * fault and against netem by hand where the kernel has it.
 *
 *   sudo node_modules/.bin/bun bench/throughput.ts [seconds per figure, default 3] [--json]
 */
import { netem } from "../src/faults/network/netem.ts";
import type { FaultType, ParamsOf } from "../src/model/params.ts";
import { Fabric } from "../test/faults/fabric.ts";
import { argument, type Figure, finish, note, quantile, quiet, show } from "./kit.ts";
import { Link } from "./link.ts";

const forMs = argument(0, 3) * 1_000;
const PINGS = 5_000;
/** Next to nothing is lost or sent twice: what is measured is the way through the queue. */
const RARELY = 0.0001;

await using link = await Link.up("throughput");

interface Way {
  name: string;
  on(): Promise<
    AsyncDisposable & {
      event?: { backend: string };
      verify?(): Promise<{ measures: Readonly<Record<string, number>> }>;
    }
  >;
  /** Delay that is asked for, in ms. */
  delayMs: number;
}

const fault = <T extends FaultType>(name: string, type: T, params: ParamsOf<T>, delayMs = 0): Way => ({
  name,
  on: () => link.fault(type, params),
  delayMs,
});
const nothing: Way = {
  name: "no fault",
  on: async () => ({ [Symbol.asyncDispose]: async () => {} }),
  delayMs: 0,
};

const ways: Way[] = [
  nothing,
  fault("loss, next to none", "loss", { loss_percent: RARELY }),
  fault("duplicate, next to none", "duplicate", { duplicate_percent: RARELY }),
  fault("latency 1 ms", "latency", { delay_ms: 1 }, 1),
];
const request = {
  id: "probe",
  params: { delay_ms: 1 },
  target: new Fabric("none").target("b"),
  others: {},
  maxLifetimeMs: 1_000,
};
const lacks = await netem.probe(request);
if (lacks === null) {
  const byHand = (name: string, delayMs: number, ...args: string[]): Way => ({
    name: `tc netem ${name}`,
    on: () => link.tc("netem", ...args),
    delayMs,
  });
  ways.push(byHand("loss, next to none", 0, "loss", `${RARELY}%`), byHand("delay 1 ms", 1, "delay", "1ms"));
}

const [trips, datagrams, streams]: Figure[][] = [[], [], []];
let calm = { p50: 0, p99: 0 };
for (const way of ways) {
  await quiet();
  await using active = await way.on();
  const what = active.event ? `${way.name} (${active.event.backend})` : way.name;
  const pings = JSON.parse(await link.run("ping", PINGS)) as number[];
  const trip = { p50: quantile(pings, 0.5), p99: quantile(pings, 0.99) };
  if (way === nothing) calm = trip;
  const added = (of: "p50" | "p99"): number => trip[of] - calm[of] - way.delayMs * 1_000;
  trips?.push({
    what,
    unit: "us",
    measured: { "added p50": added("p50"), "added p99": added("p99"), ...trip },
    allowed: null,
  });

  await link.takeAll();
  const measuresNow = async () => (await active.verify?.())?.measures ?? {};
  const before = await measuresNow();
  const { sent } = JSON.parse(await link.run("blast", forMs)) as { sent: number };
  const all = await link.takeAll();
  const after = await measuresNow();
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  datagrams?.push({
    what,
    unit: "1/s",
    measured: {
      through: (all.datagrams + all.overflows) / ((all.last - all.first) / 1_000),
      sent: sent / (forMs / 1_000),
      ...(active.verify && {
        "untouched %": (100 * grown("undelayed_packets")) / sent,
        dropped: grown("dropped_packets"),
      }),
    },
    allowed: null,
  });

  await link.run("flood", forMs);
  const stream = await link.takeAll();
  streams?.push({
    what,
    unit: "Mbit/s",
    measured: { rate: (stream.bytes * 8) / (stream.last - stream.first) / 1_000 },
    allowed: null,
  });
}
show(`round trips: ${PINGS} of one datagram each; added is beyond the delay asked for`, trips ?? []);
show("datagrams of 64 bytes, as many as one process sends", datagrams ?? []);
show("one TCP connection", streams ?? []);
if (lacks !== null) note(`tc netem by hand: not on this machine (${lacks})`);
finish();
