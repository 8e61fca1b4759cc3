/** For the record, beside the checks: our latency next to tc(8) by hand. @module */
import { inject } from "../../src/faults/controller.ts";
import { exec } from "../../src/lab/exec.ts";
import type { Check } from "./check.ts";
import { lab } from "./machine.ts";
import { median, pings } from "./ping.ts";

const ROUNDS = 1;
const DELAY_MS = 100;

interface Injector {
  /** Injects, does what is asked meanwhile, and reverts. */
  round(meanwhile: () => Promise<void>): Promise<{ injectMs: number; revertMs: number }>;
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

const ours: Injector = {
  async round(meanwhile) {
    const where = lab();
    const started = performance.now();
    await using active = await inject({
      journal: where.paths.journal,
      fault: { type: "latency", target: "payments", params: { delay_ms: DELAY_MS } },
      target: where.target("payments"),
    });
    const injectMs = performance.now() - started;
    await meanwhile();
    const asked = Date.now();
    // Without the look whether it is gone, which comes after.
    const { t_stop } = await active.revert();
    return { injectMs, revertMs: (t_stop ?? Number.NaN) - asked };
  },
};

const byHand: Injector = {
  async round(meanwhile) {
    const tc = (verb: string, ...what: string[]) =>
      exec(["tc", "-n", lab().topology.namespace("payments"), "qdisc", verb, "dev", "eth0", "root", ...what]);
    const injectMs = await timed(() => tc("add", "netem", "delay", `${DELAY_MS}ms`));
    await meanwhile();
    return { injectMs, revertMs: await timed(() => tc("del")) };
  },
};

const roundTripMs = async (): Promise<number> =>
  median((await pings("orders-1", "payments", 40, 25)).roundTrips);

async function figures(injector: Injector): Promise<string> {
  const injects: number[] = [];
  const reverts: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const { injectMs, revertMs } = await injector.round(async () => {});
    injects.push(injectMs);
    reverts.push(revertMs);
  }
  const calm = await roundTripMs();
  let delayed = Number.NaN;
  await injector.round(async () => {
    delayed = await roundTripMs();
  });
  const [injected, reverted] = [injects, reverts].map((each) => median(each.toSorted((a, b) => a - b)));
  return `inject ${injected?.toFixed(0)} ms, revert ${reverted?.toFixed(0)} ms, adds ${(delayed - calm).toFixed(1)} ms`;
}

export const byHandChecks: readonly Check[] = [
  {
    name: `latency of ${DELAY_MS} ms, medians of ${ROUNDS}, nothing asserted`,
    timeoutMs: 120_000,
    run: async () => `chaoslab: ${await figures(ours)}; tc by hand: ${await figures(byHand)}`,
  },
];
