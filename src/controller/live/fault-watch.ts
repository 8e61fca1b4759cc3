/** Follows the lab's journal: which faults are in force, and which were lately, whoever injected them. @module */
import { statSync } from "node:fs";
import { closedAt, type OpenFault, openFaults } from "../../faults/journal.ts";
import { type FaultEvent, leftOf } from "../../model/fault.ts";
import { KEEP_MS } from "./history.ts";
import type { FaultView } from "./wire.ts";

/** A look is a stat(2); the journal is read when it was written to. */
const EVERY_MS = 100;

export class FaultWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #faults: readonly FaultView[] = [];
  #written: number | null = null;
  #told = "[]";

  /** @param past faults that were reverted in this process, with what was seen after that. */
  constructor(
    readonly journal: string,
    readonly past: () => readonly FaultEvent[],
    readonly onChange: (faults: readonly FaultView[]) => void,
    everyMs = EVERY_MS,
  ) {
    this.look();
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  /** In order of their begin. */
  get faults(): readonly FaultView[] {
    return this.#faults;
  }

  /** Tells at once what has changed. */
  look(): void {
    const now = Date.now();
    const written = writtenAt(this.journal);
    const open = written === this.#written ? null : openFaults(this.journal);
    this.#written = written;
    this.#faults = followed(this.#faults, open, this.past(), now, (id) => closedAt(this.journal, id));
    const told = JSON.stringify(this.#faults);
    if (told === this.#told) return;
    this.#told = told;
    this.onChange(this.#faults);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** When the file was last written, in milliseconds; null when there is none: no fault yet, or no lab any more. */
const writtenAt = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;

/**
 * What is known of the faults now.
 * @param open the journal's open faults; null: as they were.
 * @param closed when the journal says that a fault was closed.
 */
export function followed(
  known: readonly FaultView[],
  open: readonly OpenFault[] | null,
  past: readonly FaultEvent[],
  now: number,
  closed: (id: string) => number | null,
): readonly FaultView[] {
  const active = open?.filter((each) => each.active).map(viewOf);
  const before = known.map((fault): FaultView => {
    if (fault.t_stop === null && (!active || active.some(({ id }) => id === fault.id))) return fault;
    const seen = past.find(({ id }) => id === fault.id);
    const t_stop = fault.t_stop ?? seen?.t_stop ?? closed(fault.id) ?? now;
    return { ...fault, t_stop, left: seen ? leftOf(seen) : fault.left };
  });
  const begun = active?.filter(({ id }) => !known.some((fault) => fault.id === id)) ?? [];
  return [...before, ...begun].filter(({ t_stop }) => t_stop === null || t_stop > now - KEEP_MS);
}

function viewOf({ event, lease }: OpenFault): FaultView {
  const { id, fault_type: type, target, params, backend, t_start } = event;
  return { id, type, target, params, backend, t_start, t_stop: null, lease, left: null };
}
