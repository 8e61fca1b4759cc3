/**
 * Every fault on a stock kernel: a number that it changes is measured calm, under the fault, and after the revert.
 * A new fault: an entry in FAULTS.
 * @module
 */
import assert from "node:assert/strict";
import { inject } from "../../src/faults/controller.ts";
import { exec } from "../../src/lab/exec.ts";
import type { HostLab } from "../../src/lab/host/lab.ts";
import type { FaultSpec } from "../../src/model/fault.ts";
import { peerOf } from "../../src/model/params.ts";
import type { Check } from "./check.ts";
import { connectMs, lab, pingMs } from "./machine.ts";

interface FaultCheck {
  /** What is asserted, e.g. `latency by netem`. */
  name: string;
  fault: FaultSpec;
  backend: string;
  /** What the fault changes, in any unit. */
  measure: () => Promise<number>;
  /** The same of something that the fault must leave alone. */
  spared: () => Promise<number>;
  /** Whether a measurement shows the fault, given the calm one. After the revert, none may. */
  shows: (now: number, calm: number) => boolean;
  /** What the kernel holds of the fault: a text with a word that stands there only while it is in force. */
  kernel: (lab: HostLab) => Promise<string>;
  trace: string;
}

/** Round trips under emulation scatter by tens of milliseconds; the delay stands out from that. */
const DELAY_MS = 500;
const delayed = (now: number, calm: number): boolean => now - calm > DELAY_MS - 100;

const inFabric = async ({ topology }: HostLab, ...argv: string[]): Promise<string> =>
  (await exec(["ip", "netns", "exec", topology.fabricNamespace, ...argv])).stdout;

export const qdiscs = async ({ topology }: HostLab): Promise<string> =>
  (await exec(["tc", "-n", topology.namespace("payments"), "qdisc", "show"])).stdout;

const FAULTS: readonly FaultCheck[] = [
  {
    name: "latency by netem",
    fault: { type: "latency", target: "payments", params: { delay_ms: DELAY_MS } },
    backend: "netem",
    measure: () => connectMs("payments"),
    spared: () => connectMs("catalog"),
    shows: delayed,
    kernel: qdiscs,
    trace: "netem",
  },
  {
    name: "latency towards one peer by netem",
    fault: { type: "latency", target: "payments", params: { delay_ms: DELAY_MS, peer: "orders-1" } },
    backend: "netem",
    measure: () => pingMs("orders-1", "payments"),
    spared: () => pingMs("orders-2", "payments"),
    shows: delayed,
    kernel: qdiscs,
    trace: "netem",
  },
  {
    name: "latency by nfqueue",
    fault: { type: "latency", target: "payments", params: { delay_ms: DELAY_MS } },
    backend: "nfqueue",
    measure: () => connectMs("payments"),
    spared: () => connectMs("catalog"),
    shows: delayed,
    kernel: (lab) => inFabric(lab, "iptables", "-t", "mangle", "-S"),
    trace: "NFQUEUE",
  },
];

async function proveFault(check: FaultCheck): Promise<void> {
  const { fault, backend, measure, spared, shows, kernel, trace } = check;
  const where = lab();
  const peer = peerOf(fault.params);
  const calm = await measure();
  const sparedCalm = await spared();
  const active = await inject({
    journal: where.paths.journal,
    fault,
    target: where.target(fault.target),
    peer: peer === null ? null : where.target(peer),
    backend,
  });
  try {
    assert.equal(active.event.backend, backend);
    const now = await measure();
    assert.ok(shows(now, calm), `measured ${now} under the fault, ${calm} before`);
    const other = await spared();
    assert.ok(
      !shows(other, sparedCalm),
      `what it should spare: ${other} under the fault, ${sparedCalm} before`,
    );
    const { landed, detail } = await active.verify();
    assert.ok(landed, `not seen to land: ${detail}`);
    assert.match(await kernel(where), new RegExp(trace));
  } finally {
    await active.revert();
  }
  const after = await measure();
  assert.ok(!shows(after, calm), `measured ${after} after the revert, ${calm} before the fault`);
  assert.doesNotMatch(await kernel(where), new RegExp(trace));
}

export const faultChecks: readonly Check[] = FAULTS.map((each) => ({
  name: `${each.name}: is measured while injected, and no longer after the revert`,
  timeoutMs: 60_000,
  run: () => proveFault(each),
}));
