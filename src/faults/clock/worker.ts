/**
 * The process that skews a node's clock and keeps it skewed: a program started later has a fresh vDSO.
 *
 * It fails open: when its stdin ends (its owner died), on SIGTERM and when its lifetime is over, it restores every
 * process before it ends. Only SIGKILL leaves them to the undo.
 * @module
 */
import { writeSync } from "node:fs";
import { ChaoslabError, type ExitKind, reasonOf } from "../../cli/errors.ts";
import { ageMs, isAlive, type ProcessRef, processRef } from "../../lab/process.ts";
import { isFrozen, memberPids } from "../node/members.ts";
import { isInForce, type Patch } from "./blob.ts";
import { VdsoMemory } from "./memory.ts";
import { restoreWithin } from "./restore.ts";
import { activeBlobs, type Skew, skewProcess } from "./skew.ts";

export interface WorkerOptions extends Skew {
  /** The node's cgroup. */
  dirs: readonly string[];
  maxLifetimeMs: number;
}

/** How long a new program may run with the right time, in milliseconds. */
const POLL_MS = 20;
/** Until a program has run for so long it may still be being loaded, in milliseconds. */
const LOADED_MS = 1_000;
/** How long to go on trying to restore. */
const RESTORE_TIMEOUT_MS = 8_000;

/** What the worker says, a line of JSON each: first `ready`, after a line on stdin `skewed`, or `error` instead. */
export interface Saying {
  ready?: true;
  /** Processes skewed, and how long that took in milliseconds. */
  skewed?: number;
  took_ms?: number;
  error?: string;
  kind?: ExitKind;
}

/** A process whose vDSO was seen patched. */
interface Seen {
  memory: VdsoMemory;
  patch: Patch;
  /** When it is loaded for certain, on the clock of performance.now(); null when it was, and its waits are done. */
  loadedAt: number | null;
}

export class Worker {
  readonly #seen = new Map<number, Seen>();
  constructor(readonly options: WorkerOptions) {}

  /** Waits for a line on stdin, skews, and ends when it has restored. */
  async run(): Promise<void> {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    process.on("SIGTERM", end);
    // Ctrl-C goes to the owner too, who decides and then ends us.
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
    const lifetime = setTimeout(end, this.options.maxLifetimeMs);
    const started = Promise.withResolvers<void>();
    void readStdin(started.resolve).then(end);
    stop.signal.addEventListener("abort", () => started.resolve());
    say({ ready: true });
    await started.promise;
    try {
      if (!stop.signal.aborted) this.#skewAll();
      while (!stop.signal.aborted) {
        await Bun.sleep(POLL_MS);
        if (!stop.signal.aborted) this.#look(() => {});
      }
    } finally {
      clearTimeout(lifetime);
      const seen = [...this.#seen.values()].map(({ memory: { process, start } }) => ({
        ...process,
        vdso: start,
        // The blob itself knows them.
        originals: [],
      }));
      await restoreWithin(RESTORE_TIMEOUT_MS, this.options.id, this.options.dirs, seen);
    }
  }

  #skewAll(): void {
    const began = performance.now();
    this.#look((error) => {
      throw error;
    }, true);
    say({ skewed: this.#seen.size, took_ms: performance.now() - began });
  }

  /** Skews every process that is not skewed. What fails is tried again at the next look. */
  #look(onError: (error: unknown) => void, isFirst = false): void {
    const pids = memberPids(this.options.dirs);
    for (const [pid, seen] of this.#seen) {
      // One that is no longer found in the node is restored with the others all the same.
      if ((pids.has(pid) || isAlive(seen.memory.process)) && isStillPatched(seen)) continue;
      seen.memory[Symbol.dispose]();
      this.#seen.delete(pid);
    }
    for (const pid of pids) {
      const seen = this.#seen.get(pid);
      if (seen && (seen.loadedAt === null || performance.now() < seen.loadedAt)) continue;
      const ref = processRef(pid);
      try {
        // Those that were there before the fault are old enough; a program just begun comes by once more.
        if (ref) this.#skew(ref, seen !== undefined || (isFirst && ageMs(ref) > LOADED_MS));
      } catch (error) {
        onError(error);
      }
    }
  }

  #skew(ref: ProcessRef, isLoaded: boolean): void {
    if (skewProcess(ref, this.options, isFrozen(this.options.dirs), !isLoaded) === "gone") return;
    this.#seen.get(ref.pid)?.memory[Symbol.dispose]();
    this.#seen.delete(ref.pid);
    const memory = VdsoMemory.open(ref);
    const image = memory?.image();
    const mine = memory && image && activeBlobs(memory, image).find(({ id }) => id === this.options.id);
    const patch = mine?.patches[0];
    const loadedAt = isLoaded ? null : performance.now() + LOADED_MS;
    if (memory && patch) this.#seen.set(ref.pid, { memory, patch, loadedAt });
    else memory?.[Symbol.dispose]();
  }
}

/** One short read: the open file belongs to the address space that was patched, and is empty after it is replaced. */
const isStillPatched = ({ memory, patch }: Seen): boolean => isInForce(memory, patch);

async function readStdin(onData: () => void): Promise<void> {
  for await (const chunk of Bun.stdin.stream()) if (chunk.length > 0) onData();
}

/** One line on stdout. The owner may have gone: then stdin ends too. */
export function say(message: Saying): void {
  try {
    writeSync(1, `${JSON.stringify(message)}\n`);
  } catch {
    // EPIPE.
  }
}

export function sayError(error: unknown): void {
  const known = error instanceof ChaoslabError ? error : null;
  say({ error: known?.message ?? reasonOf(error), kind: known?.kind ?? "internal" });
}
