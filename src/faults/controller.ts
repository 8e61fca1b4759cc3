/**
 * Injects a fault, and takes it back.
 * @module
 */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { withTurn } from "../lab/flock.ts";
import type { Target } from "../lab/target.ts";
import { type Evidence, type FaultEvent, type FaultSpec, newFaultId } from "../model/fault.ts";
import { excludeEachOther } from "../model/params.ts";
import type { Running, Undo } from "./fault.ts";
import { type Again, Followed, isFollowed } from "./follow.ts";
import { lookAfter } from "./gone.ts";
import { Journal, openFaults } from "./journal.ts";
import { FAULTS, undo } from "./registry.ts";
import type { Undone } from "./revert.ts";

export interface InjectOptions {
  /** Path of the journal; its folder exists. */
  journal: string;
  fault: FaultSpec;
  target: Target;
  /** The other nodes that the params name, by name. Default: they name none. */
  others?: Readonly<Record<string, Target>>;
  /** Insist on this backend. Default: the first that works here. */
  backend?: string;
  /**
   * The fault may be reverted by anybody when it has been in force for so long, in milliseconds. Default: only by its
   * owner, or when that is dead.
   */
  leaseMs?: number;
  /** Helper processes end themselves after this, even when everything else failed. Default: one hour. */
  maxLifetimeMs?: number;
}

/** A fault in force. `await using` reverts it on every path. */
export interface ActiveFault extends AsyncDisposable {
  readonly event: FaultEvent;
  /** What the fault has done so far, as the kernel or the target tells it. */
  verify(): Promise<Evidence>;
  /** Takes the fault back. Calling it again changes nothing. */
  end(): Promise<void>;
  /** The same, then looks whether it is gone, and returns the finished event. Again: the same event. */
  revert(): Promise<FaultEvent>;
}

/**
 * Brings a fault about. Nothing is touched when it cannot be done here, and what was done is undone when it
 * fails half-way.
 *
 * @throws {ChaoslabError} `badConfig`, `prerequisite` (naming what is missing), `busy` (the target already has such
 * a fault, or something that is not ours is in the way), `permission`.
 */
export function inject(options: InjectOptions): Promise<ActiveFault> {
  // One at a time, of all processes: what one injection finds on its target must not change under it by another.
  return withTurn(`${options.journal}.turn`, LONGEST_INJECTION_MS, () => injectInTurn(options));
}

async function injectInTurn(options: InjectOptions): Promise<ActiveFault> {
  const { fault: spec, target, others = {}, maxLifetimeMs = 3_600_000 } = options;
  const id = newFaultId();
  const request = { id, params: spec.params, target, others, maxLifetimeMs };
  const prepared = await FAULTS[spec.type].prepare(request, options.backend);
  const journal = new Journal(options.journal);
  const event: FaultEvent = {
    id,
    fault_type: spec.type,
    target: spec.target,
    params: spec.params,
    backend: prepared.backend,
    t_start: Date.now(),
    t_stop: null,
    evidence: null,
    gone: null,
    remains: null,
  };

  const leaseFrom = (t: number): number | null =>
    options.leaseMs === undefined ? null : t + options.leaseMs;
  journal.open(
    event,
    prepared.plan.undo,
    leaseFrom(Date.now() + LONGEST_INJECTION_MS),
    ({ fault_type: type, target, params }) => excludeEachOther({ type, target, params }, spec),
  );
  let latest = prepared.plan.undo;
  const undoAndClose = async (): Promise<Undone> => {
    await undo(latest);
    const now = Date.now();
    return { t_stop: journal.close(id, now) ?? now, undone: latest };
  };
  let active = false;
  let running: Running | null = null;
  const amend = (amended: Undo): void => {
    // What an injection records may be there already: it is undone even when it could not be recorded.
    if (!active) latest = amended;
    journal.amend(id, amended);
    latest = amended;
  };
  const isOpen = (): boolean => openFaults(journal.path).some((fault) => fault.id === id);
  /** On another start of the target. What is left of the one before, a helper process perhaps, goes first. */
  const again: Again = {
    isOpen,
    undo: () => undo(latest),
    async inject(target) {
      await undo(latest);
      const next = await FAULTS[spec.type].prepare({ ...request, target }, prepared.backend);
      const record = (amended: Undo): void => {
        // What cannot be recorded, as somebody has reverted the fault meanwhile, is undone from here.
        latest = amended;
        journal.amend(id, amended);
      };
      record(next.plan.undo);
      return next.inject(record);
    },
  };
  const isMadeAgain = prepared.endsWithTarget && isFollowed(target);
  try {
    running = isMadeAgain
      ? await Followed.begin(target, () => prepared.inject(amend), again)
      : await prepared.inject(amend);
    event.t_start = Date.now();
    journal.activate(id, event.t_start, leaseFrom(event.t_start));
    active = true;
    return new InjectedFault(event, running, {
      isOpen,
      undo: undoAndClose,
    });
  } catch (error) {
    try {
      await running?.halt?.();
      await undoAndClose();
    } catch (second) {
      const text = `${reasonOf(error)}; and undoing it failed: ${reasonOf(second)}`;
      throw new ChaoslabError("labFailed", text, "chaoslab revert --all tries again");
    }
    const after = await lookAfter(latest);
    if (after.gone !== false) throw error;
    const text = `${reasonOf(error)}; it was undone, but of it remains: ${after.remains}`;
    throw new ChaoslabError("labFailed", text, "chaoslab down removes the lab with it");
  }
}

/** Until it is in force, a fault is not overdue before so much more than its lease: some take a while to begin. */
const LONGEST_INJECTION_MS = 30_000;

class InjectedFault implements ActiveFault {
  #ended: Promise<Undone> | null = null;
  #reverted: Promise<FaultEvent> | null = null;

  constructor(
    readonly event: FaultEvent,
    readonly running: Running,
    readonly journaled: {
      /** False when somebody else has reverted the fault. */
      isOpen(): boolean;
      /** Undoes, closes the journal's entry, and tells when and what was undone. */
      undo(): Promise<Undone>;
    },
  ) {}

  verify(): Promise<Evidence> {
    return this.#verify(true);
  }

  async #verify(patient: boolean): Promise<Evidence> {
    this.event.evidence = await this.running.verify(patient);
    return this.event.evidence;
  }

  async end(): Promise<void> {
    await this.#end();
  }

  #end(): Promise<Undone> {
    this.#ended ??= this.#undo().catch((error: unknown) => {
      this.#ended = null;
      throw error;
    });
    return this.#ended;
  }

  async #undo(): Promise<Undone> {
    await this.running.halt?.();
    // Evidence is a bonus here: not getting it, or not yet, must not keep the fault in place.
    if (this.journaled.isOpen()) {
      await this.#verify(false).catch((error: unknown) => {
        this.event.evidence ??= nothingKnown(reasonOf(error));
      });
    } else this.event.evidence ??= nothingKnown("somebody else has reverted it");
    const undone = await this.journaled.undo();
    this.event.t_stop = undone.t_stop;
    return undone;
  }

  async revert(): Promise<FaultEvent> {
    const { undone } = await this.#end();
    this.#reverted ??= lookAfter(undone).then((gone) => Object.assign(this.event, gone));
    return this.#reverted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.revert();
  }
}

const nothingKnown = (why: string): Evidence => ({
  landed: false,
  detail: `no evidence: ${why}`,
  measures: {},
});
