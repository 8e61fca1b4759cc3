/**
 * How a fault is proved: something that it changes is measured calm, under the fault, and after the revert, beside
 * something that it must spare, and the kernel's own text is read each time.
 * @module
 */
import assert from "node:assert/strict";
import { inject } from "../../src/faults/controller.ts";
import { openFaults } from "../../src/faults/journal.ts";
import { remains } from "../../src/faults/registry.ts";
import { waitFor } from "../../src/lab/wait.ts";
import type { FaultSpec } from "../../src/model/fault.ts";
import type { Check } from "./check.ts";
import { lab } from "./machine.ts";

/** M: what a measurement tells. */
export interface FaultProof<M> {
  /** What is asserted, e.g. `latency by netem`. */
  name: string;
  fault: FaultSpec;
  /** The mechanism that is taken of itself, or, with `insist`, the one asked for. */
  backend: string;
  insist?: boolean;
  measure: () => Promise<M>;
  /** The same of something that the fault must leave alone. */
  spared: () => Promise<M>;
  /** Whether a measurement is what the fault should make of the calm one. */
  shows: (now: M, calm: M) => boolean;
  /** Whether it is as good as the calm one. */
  clean: (now: M, calm: M) => boolean;
  text: (measured: M) => string;
  /** What the kernel, or the target, holds of the fault: the same text before and after, another one meanwhile. */
  kernel: () => Promise<string> | string;
  /** Stands in that text while the fault is in force, and only then. */
  trace: RegExp;
}

/**
 * A measurement that the emulated machine has spoilt is made again until this is over, in milliseconds. A fault that is
 * not there is never seen, and one that stays is always seen, however often one looks.
 */
const PATIENCE_MS = 25_000;

async function measured<M>(
  measure: () => Promise<M>,
  wanted: (now: M) => boolean,
  complaint: (last: M | undefined) => string,
): Promise<M> {
  let last: M | undefined;
  const attempt = async (): Promise<{ now: M } | false> => {
    const now = await measure();
    last = now;
    return wanted(now) && { now };
  };
  try {
    return (await waitFor(attempt, { what: "", timeoutMs: PATIENCE_MS })).now;
  } catch (error) {
    if (last === undefined) throw error;
    assert.fail(complaint(last));
  }
}

async function prove<M>(proof: FaultProof<M>): Promise<string> {
  const { fault, backend, insist = false, measure, spared, shows, clean, text, kernel, trace } = proof;
  const where = lab();
  const say = (value: M | undefined): string => (value === undefined ? "nothing" : text(value));

  const calm = await measured(
    measure,
    (now) => clean(now, now),
    (last) => `measured ${say(last)} before the fault`,
  );
  const sparedCalm = await spared();
  const kernelCalm = await kernel();
  assert.doesNotMatch(kernelCalm, trace);
  const active = await inject({
    journal: where.paths.journal,
    fault,
    ...where.targetsOf(fault),
    ...(insist ? { backend } : {}),
  });
  let under: M;
  let other: M;
  let detail: string;
  try {
    assert.equal(active.event.backend, backend);
    under = await measured(
      measure,
      (now) => shows(now, calm),
      (last) => `measured ${say(last)} under the fault, ${text(calm)} before`,
    );
    other = await measured(
      spared,
      (now) => clean(now, sparedCalm),
      (last) => `what it should spare: ${say(last)} under the fault, ${text(sparedCalm)} before`,
    );
    const evidence = await active.verify();
    assert.ok(evidence.landed, `not seen to land: ${evidence.detail}`);
    detail = evidence.detail;
    const kernelNow = await kernel();
    process.stderr.write(`${proof.name}: ${kernelNow.trim()}\n`);
    assert.match(kernelNow, trace);
    const undo = openFaults(where.paths.journal).find(({ id }) => id === active.event.id)?.undo;
    assert.ok(undo && (await remains(undo)), "while it is in force, nothing is said to remain of it");
  } finally {
    await active.revert();
  }
  assert.deepEqual([active.event.gone, active.event.remains], [true, null]);
  const after = await measured(
    measure,
    (now) => clean(now, calm),
    (last) => `measured ${say(last)} after the revert, ${text(calm)} before the fault`,
  );
  assert.equal(await kernel(), kernelCalm);
  return `${text(calm)}, then ${text(under)} (spared: ${text(other)}), then ${text(after)}; ${detail}`;
}

export const faultCheck = <M>(proof: FaultProof<M>): Check => ({
  name: `${proof.name}: is measured while injected, and no longer after the revert`,
  timeoutMs: 120_000,
  run: () => prove(proof),
});
