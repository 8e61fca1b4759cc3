/**
 * The restart of one node, from the signal until its supervisor calls it ready again.
 * @module
 */
import { ChaoslabError } from "../../cli/errors.ts";
import { isAlive, type ProcessRef, signalProcess } from "../../lab/process.ts";
import type { Target } from "../../lab/target.ts";
import { type WaitOptions, waitFor } from "../../lab/wait.ts";
import { type Cgroup, cgroupOf } from "./cgroup.ts";
import { killAll, mainProcess, requireRunning, waitGone } from "./processes.ts";
import { type SupervisedStatus, statusOf } from "./supervisor.ts";

export interface RestartOptions {
  drain: boolean;
  /** How long a draining node may take to end. */
  graceMs: number;
  /** How long it may take from then until it answers ready. */
  readyMs: number;
}

/** What is known of one node's restart. Times count from its signal, in milliseconds. */
export interface RestartProgress {
  readonly node: string;
  begun: boolean;
  ended: { how: "drained" | "killed"; afterMs: number } | null;
  /** Its supervisor has started another process in its place. */
  replaced: boolean;
  readyAfterMs: number | null;
  /** Why it went no further. */
  failure: string | null;
}

/** The node that is half-way: what an undo must know. `asked`: the process that may end by itself; null: none may. */
export interface HalfWay {
  cgroup: Cgroup;
  asked: ProcessRef | null;
}

/** @throws {ChaoslabError} `labFailed` when nobody would start the node again. */
export async function requireSupervised(target: Target): Promise<SupervisedStatus> {
  const status = await statusOf(target);
  if (status) return status;
  throw new ChaoslabError(
    "labFailed",
    `${target.name}: its supervisor does not answer, so that nothing would start it again`,
    "chaoslab down, then up",
  );
}

export class NodeRestart {
  readonly progress: RestartProgress;
  readonly #cgroup: Cgroup;
  #asked: ProcessRef | null = null;
  #restartsBefore = 0;
  #begun = 0;

  constructor(
    readonly target: Target,
    readonly options: RestartOptions,
  ) {
    const { name: node } = target;
    this.#cgroup = cgroupOf(target);
    this.progress = { node, begun: false, ended: null, replaced: false, readyAfterMs: null, failure: null };
  }

  /**
   * Asks the node to end; without drain, kills it and returns when its processes are gone.
   * @param record called before anything is done to the node.
   */
  async begin(record: (halfWay: HalfWay) => void, signal: AbortSignal): Promise<void> {
    this.#restartsBefore = (await requireSupervised(this.target)).restarts;
    signal.throwIfAborted();
    const main = mainProcess(requireRunning(this.target));
    if (!main) throw new RangeError(`${this.target.name}: processes without a first one`);
    const { drain } = this.options;
    const asked = drain ? { pid: main.pid, starttime: main.starttime } : null;
    record({ cgroup: this.#cgroup, asked });
    this.progress.begun = true;
    this.#begun = performance.now();
    if (asked) signalProcess(asked, this.target.stopSignal);
    else await this.#kill();
    this.#asked = asked;
  }

  /** Waits until the node has ended, kills it when its grace is over, and waits until it is ready again. */
  async finish(signal: AbortSignal): Promise<void> {
    const asked = this.#asked;
    if (asked) {
      const grace = { what: "", timeoutMs: this.options.graceMs, intervalMs: 10, signal };
      if (await comesTrue(() => !isAlive(asked), grace)) this.#ended("drained");
      else await this.#kill();
    }
    await waitFor(() => this.#isReady(), {
      what: `${this.target.name} to answer ready again`,
      timeoutMs: this.options.readyMs,
      intervalMs: 50,
      signal,
    });
    this.progress.readyAfterMs = this.#passed();
  }

  async #isReady(): Promise<boolean> {
    const status = await statusOf(this.target);
    if (!status || status.restarts <= this.#restartsBefore) return false;
    this.progress.replaced = true;
    return status.state === "ready";
  }

  async #kill(): Promise<void> {
    await waitGone(await killAll(this.#cgroup), this.target.name);
    this.#ended("killed");
  }

  #ended(how: "drained" | "killed"): void {
    this.progress.ended = { how, afterMs: this.#passed() };
  }

  #passed(): number {
    return Math.round(performance.now() - this.#begun);
  }
}

/** Whether the probe comes true in time. @throws what the signal gives as reason. */
async function comesTrue(probe: () => boolean, options: WaitOptions): Promise<boolean> {
  try {
    await waitFor(probe, options);
    return true;
  } catch {
    options.signal?.throwIfAborted();
    return false;
  }
}
