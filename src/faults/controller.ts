/**
 * Injects a fault, and takes faults back: ours, or those of a process that died.
 * @module
 */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { withTurn } from "../lab/flock.ts";
import { isAlive } from "../lab/process.ts";
import type { Target } from "../lab/target.ts";
import { type Evidence, type FaultEvent, type FaultSpec, newFaultId } from "../model/fault.ts";
import { aspectOf, nodesNamedBy } from "../model/params.ts";
import type { Running, Undo } from "./fault.ts";
import { type Gone, lookAfter } from "./gone.ts";
import { Journal, type OpenFault, openFaults } from "./journal.ts";
import { FAULTS, undo } from "./registry.ts";

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
  /**
   * Takes the fault back, looks whether it is gone, and returns the finished event. Calling it again returns the same
   * event.
   */
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
    (other) =>
      other.fault_type === spec.type &&
      sameThing(other, spec) &&
      aspectOf(spec.type, other.params) === aspectOf(spec.type, spec.params),
  );
  let latest = prepared.plan.undo;
  const undoAndClose = async (): Promise<Undone> => {
    await undo(latest);
    const now = Date.now();
    return { t_stop: journal.close(id, now) ?? now, undone: latest };
  };
  let active = false;
  let running: Running | null = null;
  try {
    running = await prepared.inject((amended) => {
      // What an injection records may be there already: it is undone even when it could not be recorded.
      if (!active) latest = amended;
      journal.amend(id, amended);
      latest = amended;
    });
    event.t_start = Date.now();
    journal.activate(id, event.t_start, leaseFrom(event.t_start));
    active = true;
    return new InjectedFault(event, running, {
      isOpen: () => openFaults(journal.path).some((fault) => fault.id === id),
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

/** Whether two faults of one type would act on the same packets of a node, or end the same node. */
function sameThing(
  a: Pick<FaultEvent, "target" | "params">,
  b: Pick<FaultEvent, "target" | "params">,
): boolean {
  const named = ({ params }: Pick<FaultEvent, "params">, field: string): string[] =>
    nodesNamedBy(params).flatMap((each) => (each.field === field ? [each.node] : []));
  const restartedByA = [a.target, ...named(a, "then")];
  return (
    [b.target, ...named(b, "then")].some((node) => restartedByA.includes(node)) &&
    named(a, "peer")[0] === named(b, "peer")[0]
  );
}

interface Undone {
  t_stop: number;
  undone: Undo;
}

class InjectedFault implements ActiveFault {
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

  revert(): Promise<FaultEvent> {
    this.#reverted ??= this.#revert().catch((error: unknown) => {
      this.#reverted = null;
      throw error;
    });
    return this.#reverted;
  }

  async #revert(): Promise<FaultEvent> {
    await this.running.halt?.();
    // Evidence is a bonus here: not getting it, or not yet, must not keep the fault in place.
    if (this.journaled.isOpen()) {
      await this.#verify(false).catch((error: unknown) => {
        this.event.evidence ??= nothingKnown(reasonOf(error));
      });
    } else this.event.evidence ??= nothingKnown("somebody else has reverted it");
    const { t_stop, undone } = await this.journaled.undo();
    return Object.assign(this.event, { t_stop }, await lookAfter(undone));
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

export interface Reverted {
  /** `t_stop` is null when the undo failed. When it did not, `gone` tells what came of it. */
  event: FaultEvent;
  /** Why the undo failed, in one line; null when it did not. */
  error: string | null;
}

/** The undo failed, or it did not and the fault is seen all the same. */
export const isInForce = ({ event, error }: Reverted): boolean => error !== null || event.gone === false;

/**
 * Undoes the open faults of a journal, newest first, whoever injected them. Never throws for a fault that cannot be
 * undone: it stays open and is reported. Running it twice, or while the owner reverts, is fine.
 * @param which only these; default: every one.
 */
export async function revertAll(
  journalPath: string,
  which: (fault: OpenFault) => boolean = () => true,
): Promise<Reverted[]> {
  const journal = new Journal(journalPath);
  const results: (Reverted & { undone: Undo | null })[] = [];
  for (const fault of openFaults(journalPath).filter(which).reverse()) {
    try {
      const { t_stop, undone } = await undoForGood(journal, fault);
      results.push({ event: { ...fault.event, t_stop }, error: null, undone });
    } catch (error) {
      results.push({ event: fault.event, error: reasonOf(error), undone: null });
    }
  }
  // Last: no fault stays in force while one looks after another.
  const unknown: Gone = { gone: null, remains: null };
  return Promise.all(
    results.map(async ({ event, error, undone }) => ({
      event: { ...event, ...(undone ? await lookAfter(undone) : unknown) },
      error,
    })),
  );
}

/** How long a command that outlived its owner may take to act, in milliseconds. They take about 10. */
const STRAGGLER_MS = 300;

/** Undoes and closes. An owner that lives may act on, and amend the undo, until the fault is closed. */
async function undoForGood(journal: Journal, fault: OpenFault): Promise<Undone> {
  for (let latest = fault; ; ) {
    await undoWithStragglers(latest);
    const t_stop = journal.close(fault.id, Date.now(), latest.undo);
    if (t_stop !== null) return { t_stop, undone: latest.undo };
    latest = openFaults(journal.path).find(({ id }) => id === fault.id) ?? latest;
  }
}

/** When the owner died while injecting, watches a moment for a command that it had started and left behind. */
async function undoWithStragglers(fault: OpenFault): Promise<void> {
  await undo(fault.undo);
  if (fault.active || isAlive(fault.owner)) return;
  const deadline = performance.now() + STRAGGLER_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(50);
    await undo(fault.undo);
  }
}
