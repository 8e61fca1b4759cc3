/**
 * Holds injected faults: keeps their leases, reverts them in time, on demand and at its own end, and has a guard that
 * does so should it die.
 * @module
 */
import { ChaoslabError, reasonOf } from "../cli/errors.ts";
import { isAlive } from "../lab/process.ts";
import { waitFor } from "../lab/wait.ts";
import type { FaultEvent } from "../model/fault.ts";
import { type ActiveFault, type InjectOptions, inject } from "./controller.ts";
import { type Guard, startGuard } from "./guard.ts";
import { openFaults } from "./journal.ts";
import { revertAll } from "./revert.ts";

interface Held {
  fault: ActiveFault;
  timer: ReturnType<typeof setTimeout>;
}

export interface KeeperInject extends Omit<InjectOptions, "journal" | "leaseMs" | "maxLifetimeMs"> {
  durationMs: number;
}

/** setTimeout counts in 32 bits; a longer lease would fire at once. */
export const LONGEST_MS = 24 * 3_600_000;

/** A keeper may live for months. */
const KEEP_PAST = 1_000;

export class Keeper implements AsyncDisposable {
  readonly #held = new Map<string, Held>();
  readonly #past: FaultEvent[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;

  private constructor(
    readonly journal: string,
    readonly guard: Guard,
  ) {}

  /** Reverts what an owner has left that died with its guard, as both do with their container. */
  static async start(journal: string): Promise<Keeper> {
    const guard = await startGuard(journal);
    await revertAll(journal, ({ owner }) => !isAlive(owner));
    return new Keeper(journal, guard);
  }

  /** Injects with a lease of `durationMs`, after which the fault is reverted without being asked. */
  inject(request: KeeperInject): Promise<FaultEvent> {
    // One at a time: what one injection finds on its target must not change under it by another.
    const turn = this.#turn.then(() => this.#inject(request));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #inject({ durationMs, ...options }: KeeperInject): Promise<FaultEvent> {
    if (this.#ended) throw new ChaoslabError("aborted", "no fault is injected any more: this is ending");
    const fault = await inject({
      ...options,
      journal: this.journal,
      leaseMs: durationMs,
      maxLifetimeMs: durationMs + 5_000,
    });
    const timer = setTimeout(() => void this.revert(fault.event.id).catch(() => {}), durationMs);
    this.#held.set(fault.event.id, { fault, timer });
    await fault.verify().catch(() => {});
    return fault.event;
  }

  /** Events of the faults that are active, whoever injected them: from the journal, with evidence for ours. */
  async active(): Promise<FaultEvent[]> {
    const open = openFaults(this.journal).filter((each) => each.active);
    // What another process has reverted is past; ours to say since when.
    for (const id of this.#held.keys())
      if (!open.some((each) => each.id === id)) await this.revert(id).catch(() => {});
    return Promise.all(
      open.map(async ({ id, event }) => {
        const held = this.#held.get(id);
        if (held) await held.fault.verify().catch(() => {});
        return held?.fault.event ?? event;
      }),
    );
  }

  #remember(event: FaultEvent): void {
    this.#past.push(event);
    if (this.#past.length > KEEP_PAST) this.#past.shift();
  }

  /** The last faults that were reverted under this keeper, oldest first. */
  get past(): readonly FaultEvent[] {
    return this.#past;
  }

  /**
   * Reverts one fault, ours or another owner's.
   * @throws {ChaoslabError} `notFound` when no such fault is open and none was reverted here.
   */
  async revert(id: string): Promise<FaultEvent> {
    const held = this.#held.get(id);
    if (held) {
      clearTimeout(held.timer);
      const event = await held.fault.revert();
      if (this.#held.delete(id)) this.#remember(event);
      return event;
    }
    const [reverted] = await revertAll(this.journal, (fault) => fault.id === id);
    if (reverted?.error)
      throw new ChaoslabError("labFailed", `${id} could not be reverted: ${reverted.error}`);
    if (reverted) {
      this.#remember(reverted.event);
      return reverted.event;
    }
    const before = this.#past.find((event) => event.id === id);
    if (before) return before;
    throw new ChaoslabError("notFound", `no fault ${id}`, "chaoslab faults lists the active ones");
  }

  /** Reverts every open fault, newest first, whoever injected it. One that cannot be reverted keeps no other in place. */
  async revertAll(): Promise<{ reverted: FaultEvent[]; failed: { id: string; error: string }[] }> {
    const ids = openFaults(this.journal).map(({ id }) => id);
    await this.#endAll();
    const others = await revertAll(this.journal, ({ id }) => ids.includes(id) && !this.#held.has(id));
    for (const { event, error } of others) if (error === null) this.#remember(event);
    const reverted = others.flatMap(({ event, error }) => (error === null ? event : []));
    const failed = others.flatMap(({ event: { id }, error }) => (error === null ? [] : { id, error }));
    for (const id of [...this.#held.keys()].filter((each) => ids.includes(each)).reverse()) {
      await this.revert(id).then(
        (event) => reverted.push(event),
        (error: unknown) => failed.push({ id, error: reasonOf(error) }),
      );
    }
    return { reverted, failed };
  }

  /** Undoes what we hold, newest first: no fault stays in force while one looks whether another is gone. */
  async #endAll(): Promise<void> {
    // What fails here is tried, and told, once more by the revert.
    for (const { fault } of [...this.#held.values()].reverse()) await fault.end().catch(() => {});
  }

  /** Waits until none of our faults is in the journal any more: reverted by its lease, or by another process. */
  async untilAllGone(): Promise<void> {
    const ours = (): boolean => openFaults(this.journal).some(({ id }) => this.#held.has(id));
    await waitFor(() => !ours(), { what: "the faults to end", timeoutMs: 2 * LONGEST_MS, intervalMs: 100 });
  }

  /** Reverts what it holds, once what is being injected is in force. What cannot be reverted is left to the guard. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#turn;
    await this.#endAll();
    for (const id of [...this.#held.keys()].reverse()) await this.revert(id).catch(() => {});
    await this.guard[Symbol.asyncDispose]();
  }
}
