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

/** A fault in force on whatever start of its container there is. */
export class Followed implements Running {
  #running: Running;
  #start: string;
  #again = 0;
  /** On a start that is over: counters end with it. */
  #landedBefore = false;
  #stopped = false;
  #watching: Promise<void>;

  private constructor(
    running: Running,
    start: string,
    readonly target: Target & { supervisor: ByEngine },
    readonly bringAbout: (target: Target) => Promise<Running>,
  ) {
    this.#running = running;
    this.#start = start;
    this.#watching = this.#watch();
  }

  /**
   * @param inject brings the fault about on the target as it is.
   * @param bringAbout the same on a later start, where what was done on the one before is to be undone first.
   */
  static async begin(
    target: Target & { supervisor: ByEngine },
    inject: () => Promise<Running>,
    bringAbout: (target: Target) => Promise<Running>,
  ): Promise<Followed> {
    // Asked before: a start that comes in between is then seen as another one.
    const start = await startOf(target.supervisor);
    return new Followed(await inject(), start ?? "", target, bringAbout);
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

  async halt(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
    await this.#running.halt?.();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await Bun.sleep(LOOK_EVERY_MS);
      // What fails is tried again at the next look: the container may have ended once more.
      if (!this.#stopped) await this.#look().catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { target } = this;
    const { socket, container } = target.supervisor;
    const start = await startOf(target.supervisor);
    if (start === null || start === this.#start) return;
    const last = await this.#running.verify(false).catch(() => null);
    this.#landedBefore ||= last?.landed === true;
    const engine = new Engine(socket);
    const { name, url } = target;
    const volume = target.volume?.of?.destination ?? null;
    const next = await targetOf(engine, await engine.inspect(container), { name, volume, url });
    this.#running = await this.bringAbout({ ...target, ...next, links: target.links });
    this.#start = start;
    this.#again++;
  }
}
