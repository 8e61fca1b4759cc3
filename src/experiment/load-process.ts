/**
 * The load generator as the runner sees it: a process of its own, whose ticks are the run's clock.
 * @module
 */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { linesOf } from "../cli/lines.ts";
import { selfCommand } from "../cli/self.ts";
import { readConfig } from "../config/yaml-file.ts";
import { type Lab, shopOf } from "../lab/lab.ts";
import type { LoadRecord, LoadStart, LoadSummary, LoadTick } from "../model/load.ts";
import type { Schedule } from "../model/schedule.ts";

export interface LoadOptions {
  lab: Lab;
  /** Words that lead a command to where the load comes from. */
  prefix: readonly string[];
  load: Schedule["load"];
  seed: number;
  durationS: number;
  /** Called with each record as it arrives. */
  onRecord: (record: LoadRecord) => void;
}

/** A tick that is this late means that the generator hangs. It ticks every second. */
const SILENCE_MS = 15_000;

interface Waiter {
  tick: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Arguments that say what is sent where. */
function workloadOf(lab: Lab, load: Schedule["load"]): string[] {
  // The schedule says what is promised, and ends what must be ended.
  if (load.scenario) {
    const { path, source } = load.scenario;
    if (readConfig(path) !== source)
      throw new ChaoslabError("badConfig", `${path}: it was changed since the run began`, "run it again");
    return [`--scenario=${path}`, "--without-slo"];
  }
  const { api, seeded } = shopOf(lab, "load");
  const { reads, tenants } = load;
  const flags = { mix: "shop", reads, tenants, orders: seeded.orders, products: seeded.products };
  return [api, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`), "--check"];
}

export class LoadProcess {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #waiters = new Set<Waiter>();
  readonly #started = Promise.withResolvers<LoadStart>();
  readonly #finished: Promise<LoadSummary>;
  #tick = 0;
  #summary: LoadSummary | null = null;
  #failure: unknown = null;

  constructor(readonly options: LoadOptions) {
    const { lab, prefix, load, seed, durationS } = options;
    // Room for every request of the last timeout to be unanswered at once, so that a hanging system and not
    // a limit of the generator decides what happens next.
    const connections = Math.ceil(load.rate * load.timeout_s * 1.5) + 50;
    const flags = {
      rate: load.rate,
      timeout: `${Math.round(load.timeout_s * 1000)}ms`,
      for: `${durationS}s`,
      seed,
      connections,
    };
    const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const command = selfCommand("load", ...workloadOf(lab, load), ...argv, "--stream", "--quiet");
    this.#child = Bun.spawn([...prefix, ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      // Out of the terminal's reach: Ctrl-C goes to the runner, which ends the load when it is time.
      detached: true,
    });
    this.#finished = this.#read();
    this.#finished.catch((error: unknown) => this.#fail(error));
    this.#started.promise.catch(() => {});
  }

  get started(): Promise<LoadStart> {
    return this.#started.promise;
  }

  /** Resolves when the seconds before `tick` are over. */
  async until(tick: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#failure) throw this.#failure;
    if (this.#tick >= tick) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { tick, resolve, reject };
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#waiters.add(waiter);
    try {
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends the load, waits for its last answers, and returns its summary. */
  async finish(): Promise<LoadSummary> {
    this.#child.kill("SIGINT");
    return await this.#finished;
  }

  /** Ends it at once, whatever it is doing. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #read(): Promise<LoadSummary> {
    const stderr = this.#child.stderr.text();
    let timer = setTimeout(() => {}, 0);
    const listen = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.#fail(
          new ChaoslabError("internal", `the load generator said nothing for ${SILENCE_MS / 1000} s`),
        );
        this.kill();
      }, SILENCE_MS);
    };
    listen();
    try {
      for await (const line of linesOf(this.#child.stdout)) {
        listen();
        this.#record(JSON.parse(line) as LoadRecord);
      }
    } finally {
      clearTimeout(timer);
    }
    const code = await this.#child.exited;
    // The summary ends the stream of an ordered end too (105: stopped by our own signal).
    if (this.#summary && (code === ExitCode.ok || code === ExitCode.aborted)) return this.#summary;
    const said = (await stderr)
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^chaoslab: /, "");
    throw new ChaoslabError(
      "labFailed",
      `the load generator ended early (exit code ${code})`,
      said || undefined,
    );
  }

  #record(record: LoadRecord): void {
    if (record.kind === "start") this.#started.resolve(record);
    if (record.kind === "summary") this.#summary = record;
    this.options.onRecord(record);
    if (record.kind === "tick") this.#advance(record);
  }

  #advance({ tick }: LoadTick): void {
    this.#tick = tick;
    for (const waiter of this.#waiters) if (tick >= waiter.tick) waiter.resolve();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#started.reject(this.#failure);
    for (const waiter of this.#waiters) waiter.reject(this.#failure);
  }
}
