/**
 * Follows a container over its starts: its namespace and its cgroup end with it, and a fault in them too, so that after
 * the next start the fault is brought about again, in what is there then.
 * @module
 */
import { targetOf } from "../lab/docker/container.ts";
import { Engine } from "../lab/docker/engine.ts";
import type { Supervision, Target } from "../lab/target.ts";
import type { Evidence } from "../model/fault.ts";
import type { Running } from "./fault.ts";

const LOOK_EVERY_MS = 250;

type ByEngine = Extract<Supervision, { by: "docker" }>;

export const isFollowed = (target: Target): target is Target & { supervisor: ByEngine } =>
  target.supervisor?.by === "docker";

/** When the container was last started, in the engine's words; null while it does not run. */
async function startOf({ socket, container }: ByEngine): Promise<string | null> {
  const { State } = await new Engine(socket).inspect(container);
  return State.Running ? State.StartedAt : null;
}

/** What it takes to bring a fault about on a later start. */
export interface Again {
  /** False when somebody else has reverted the fault. */
  isOpen(): boolean;
  /** Undoes what is left of the start before, and injects on this one. */
  inject(target: Target): Promise<Running>;
  /** Undoes what was done last. */
  undo(): Promise<void>;
}

/** A fault in force on whatever start of its container there is. */
export class Followed implements Running {
  #running: Running;
  #start: string;
  #again = 0;
  /** On a start that is over: counters end with it. */
  #landedBefore = false;
  #stopped = false;
  /** While it is brought about once more. */
  #bringing: Promise<void> = Promise.resolve();

  private constructor(
    running: Running,
    start: string,
    readonly target: Target & { supervisor: ByEngine },
    readonly again: Again,
  ) {
    this.#running = running;
    this.#start = start;
    void this.#watch();
  }

  /**
   * @param inject brings the fault about on the target as it is.
   */
  static async begin(
    target: Target & { supervisor: ByEngine },
    inject: () => Promise<Running>,
    again: Again,
  ): Promise<Followed> {
    // Asked before: a start that comes in between is then seen as another one.
    const start = await startOf(target.supervisor);
    return new Followed(await inject(), start ?? "", target, again);
  }

  async verify(patient: boolean): Promise<Evidence> {
    const evidence = await this.#running.verify(patient);
    if (this.#again === 0) return evidence;
    const times = this.#again === 1 ? "once" : `${this.#again} times`;
    const before = this.#landedBefore && !evidence.landed ? "; it had landed on the start before" : "";
    return {
      landed: evidence.landed || this.#landedBefore,
      detail: `${evidence.detail}; brought about again ${times}, after the container's start${before}`,
      measures: { ...evidence.measures, followed_starts: this.#again },
    };
  }

  /** A revert waits for what is being done, and for no look. */
  async halt(): Promise<void> {
    this.#stopped = true;
    await this.#bringing;
    await this.#running.halt?.();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await Bun.sleep(LOOK_EVERY_MS);
      // What fails is tried again at the next look: the container may have ended once more.
      const start = await startOf(this.target.supervisor).catch(() => null);
      if (this.#stopped || start === null || start === this.#start) continue;
      this.#bringing = this.#bringAbout(start).catch(() => {});
      await this.#bringing;
    }
  }

  async #bringAbout(start: string): Promise<void> {
    const { target, again } = this;
    if (!again.isOpen()) {
      // Somebody else has reverted it: on no start is it to be any more.
      this.#stopped = true;
      return again.undo();
    }
    const last = await this.#running.verify(false).catch(() => null);
    this.#landedBefore ||= last?.landed === true;
    const { socket, container } = target.supervisor;
    const engine = new Engine(socket);
    const { name, url } = target;
    const volume = target.volume?.of?.destination ?? null;
    const next = await targetOf(engine, await engine.inspect(container), { name, volume, url });
    this.#running = await again.inject({ ...target, ...next, links: target.links });
    this.#start = start;
    this.#again++;
    if (!again.isOpen()) await again.undo();
  }
}
