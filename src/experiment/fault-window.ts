/** The faults of one trial: put in force at their time in the window, and all taken back at its end or before. @module */
import { reasonOf } from "../cli/errors.ts";
import { type ActiveFault, inject } from "../faults/controller.ts";
import type { Lab } from "../lab/lab.ts";
import type { FaultRecord } from "../model/history.ts";
import type { TimedFault } from "../model/schedule.ts";

/** A fault is overdue this long after the window: then the guard reverts it, whatever the runner does. */
const LEASE_SLACK_S = 30;
/** Into a fault's time, when it is looked at for the first time. */
const LOOK_AFTER_S = 5;

export interface FaultWindowOptions {
  lab: Lab;
  windowS: number;
  record: (record: FaultRecord) => void;
  say: (line: string) => void;
}

/** One fault of the hypothesis, and what became of it. */
interface Slot {
  planned: Required<TimedFault>;
  /** Null before and after it is in force. */
  active: ActiveFault | null;
}

/** Waits for a second of the window; rejects when `until` is aborted. */
export type WaitFor = (second: number, until: AbortSignal) => Promise<void>;

export class FaultWindow {
  #slots: Slot[] = [];
  /** When the last one was gone, Unix epoch milliseconds. */
  #end = 0;

  constructor(readonly options: FaultWindowOptions) {}

  /** Injects those that are due at once; returns when the first came into force, Unix epoch milliseconds. */
  async begin(faults: readonly Required<TimedFault>[]): Promise<number> {
    this.#slots = faults.map((planned) => ({ planned, active: null }));
    let first = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots.filter(({ planned }) => planned.at_s === 0)) {
      first = Math.min(first, await this.#inject(slot));
    }
    return Number.isFinite(first) ? first : Date.now();
  }

  /** Lets the window pass, with what happens in it. */
  async observe(waitFor: WaitFor, until: AbortSignal): Promise<void> {
    const { windowS } = this.options;
    const actions = this.#slots.flatMap((slot) => {
      const { at_s, for_s } = slot.planned;
      const revert = { at: at_s + for_s, act: () => this.#revert(slot, false) };
      return at_s === 0 ? [revert] : [{ at: at_s, act: () => this.#inject(slot) }, revert];
    });
    actions.push({ at: Math.min(LOOK_AFTER_S, windowS / 2), act: () => this.#look() });
    actions.sort((a, b) => a.at - b.at);
    for (const { at, act } of actions.filter((action) => action.at < windowS)) {
      await waitFor(at, until);
      await act();
    }
    await waitFor(windowS, until);
  }

  /** Takes back what is in force, newest first; returns when the last fault was gone. Again is fine. */
  async revertAll(early: boolean): Promise<number> {
    const inForce = this.#slots.toReversed().filter(({ active }) => active !== null);
    // All are ended before any is looked for: that may take its time.
    for (const { active } of inForce) await active?.end();
    for (const slot of inForce) await this.#revert(slot, early);
    return this.#end;
  }

  /** Returns when it came into force. */
  async #inject(slot: Slot): Promise<number> {
    const { lab, windowS, record, say } = this.options;
    const { type, target, params } = slot.planned;
    const fault = { type, target, params };
    slot.active = await inject({
      journal: lab.paths.journal,
      fault,
      ...(await lab.targetsOf(fault)),
      leaseMs: (windowS + LEASE_SLACK_S) * 1000,
      maxLifetimeMs: (windowS + 2 * LEASE_SLACK_S) * 1000,
    });
    const { event } = slot.active;
    record({ kind: "fault", event: structuredClone(event) });
    say(`${type} on ${target} injected by ${event.backend} (${event.id})`);
    return event.t_start;
  }

  /** Whether what is in force can be seen to be. What says so for the verdict is asked for at the end. */
  async #look(): Promise<void> {
    for (const { active, planned } of this.#slots) {
      const evidence = await active
        ?.verify()
        .catch((error: unknown) => ({ landed: false, detail: reasonOf(error) }));
      if (evidence?.landed !== false) continue;
      this.options.say(`${planned.type} on ${planned.target} not seen to land yet: ${evidence.detail}`);
    }
  }

  async #revert(slot: Slot, early: boolean): Promise<void> {
    if (!slot.active) return;
    const { type, target } = slot.planned;
    const event = await slot.active.revert();
    slot.active = null;
    this.#end = Math.max(this.#end, event.t_stop ?? Date.now());
    this.options.record({ kind: "fault", event: structuredClone(event) });
    this.options.say(
      `${type} on ${target} reverted${early ? " early" : ""}: ${event.evidence?.detail ?? "no evidence"}`,
    );
  }
}
