/**
 * One load by several processes of this program, each sending every n-th request: more than one core. Orders go to a
 * worker by its stdin, records come back by its stdout. A worker whose stdin closes ends at once, so that none outlives
 * this process, however that dies.
 * @module
 */
import { ChaoslabError, ExitCode, type ExitKind } from "../cli/errors.ts";
import type { Flags } from "../cli/flags.ts";
import { linesOf } from "../cli/lines.ts";
import { selfCommand } from "../cli/self.ts";
import type { LoadRecord, LoadSummary, Shard } from "../model/load.ts";
import { StreamMerger } from "./merge.ts";
import type { ReadyLoad } from "./ready.ts";
import type { LoadHooks } from "./run.ts";
import { partOf, portionOf } from "./shard.ts";
import type { Tokens } from "./source.ts";

/** A worker's first order: the command line as it was parsed, and what is the worker's own of it. */
export interface WorkerJob {
  kind: "job";
  args: readonly string[];
  flags: Flags;
  shard: Shard;
  maxConnections: number;
  maxInFlight: number;
  tokens: Tokens;
}
export type WorkerOrder = WorkerJob | { kind: "go"; start_at: number } | { kind: "stop" };
export type WorkerAnswer = { kind: "ready" } | LoadRecord;

/** From the parse of a job to being ready to send. */
const READY_MS = 30_000;
/** A worker ticks every second: one that is silent for this long hangs, and what waits for it must not pile up. */
const SILENCE_MS = 15_000;
/** Should this process itself have been held up (Ctrl-Z, fg), what came meanwhile is read first. */
const SECOND_LOOK_MS = 1_000;
/** All workers are ready: time for the word to reach each. */
const LEAD_MS = 750;

class Worker {
  readonly #name: string;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: AsyncGenerator<string, undefined>;
  readonly #stderr: Promise<string>;
  #silentFor = 0;

  constructor(name: string, job: WorkerJob) {
    this.#name = name;
    this.#child = Bun.spawn(selfCommand("internal", "load-worker"), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      // Out of the terminal's reach: Ctrl-C goes to this process, which ends all in order.
      detached: true,
    });
    this.#lines = linesOf(this.#child.stdout);
    this.#stderr = this.#child.stderr.text();
    this.tell(job);
  }

  /** To a worker that has ended this does nothing: its death shows where its records are read. */
  tell(order: WorkerOrder): void {
    const ignore = (): void => {};
    try {
      this.#child.stdin.write(`${JSON.stringify(order)}\n`);
      Promise.resolve(this.#child.stdin.flush()).catch(ignore);
    } catch {}
  }

  async ready(): Promise<void> {
    const heard = this.#killAfter(READY_MS);
    const { value } = await this.#lines.next();
    heard();
    if (value === undefined) throw await this.#death();
  }

  /** Hands on each record until the summary. */
  async read(startAt: number, take: (record: LoadRecord) => void): Promise<void> {
    let heard = this.#killAfter(Math.max(0, startAt - Date.now()) + SILENCE_MS);
    try {
      for await (const line of this.#lines) {
        heard();
        heard = this.#killAfter(SILENCE_MS);
        const record = JSON.parse(line) as LoadRecord;
        take(record);
        if (record.kind === "summary") return;
      }
    } finally {
      heard();
    }
    throw await this.#death();
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Unless the function that it returns is called before. */
  #killAfter(ms: number): () => void {
    const kill = (): void => {
      this.#silentFor = ms;
      this.#child.kill("SIGKILL");
    };
    let timer = setTimeout(() => {
      timer = setTimeout(kill, SECOND_LOOK_MS);
    }, ms);
    return () => clearTimeout(timer);
  }

  async #death(): Promise<ChaoslabError> {
    const code = await this.#child.exited;
    const said = /^chaoslab: (.*)$/m.exec(await this.#stderr)?.[1];
    const kind = Object.entries(ExitCode).find(([, each]) => each === code)?.[0] as ExitKind | undefined;
    if (said) return new ChaoslabError(kind ?? "internal", `load: worker ${this.#name}: ${said}`);
    const { signalCode } = this.#child;
    const how = signalCode ? `was ended by ${signalCode}` : `ended with exit code ${code}`;
    const why = this.#silentFor > 0 ? `said nothing for ${Math.round(this.#silentFor / 1_000)} s` : how;
    return new ChaoslabError("internal", `load: worker ${this.#name} ${why}, so the load was ended`);
  }
}

/** Starts the workers and waits until all are ready. `whole` is the job of all together. */
export async function readyWorkers(count: number, whole: WorkerJob): Promise<ReadyLoad> {
  const workers = Array.from({ length: count }, (_, i) => {
    const shard = partOf(whole.shard, i, count);
    const maxConnections = portionOf(whole.maxConnections, i, count);
    const maxInFlight = portionOf(whole.maxInFlight, i, count);
    return new Worker(`${i + 1} of ${count}`, { ...whole, shard, maxConnections, maxInFlight });
  });
  const end = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.end()));
  };
  try {
    await Promise.all(workers.map((worker) => worker.ready()));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    run: (startAt, hooks) => runWorkers(workers, whole.shard, startAt ?? Date.now() + LEAD_MS, hooks),
    [Symbol.asyncDispose]: end,
  };
}

async function runWorkers(
  workers: readonly Worker[],
  shard: Shard,
  startAt: number,
  { emit, signal }: LoadHooks,
): Promise<LoadSummary> {
  const merger = new StreamMerger(workers.length, shard);
  const merged: { summary: LoadSummary | null } = { summary: null };
  let failed = false;
  const take = (index: number, record: LoadRecord): void => {
    if (failed) return;
    for (const each of merger.add(index, record)) {
      emit(each);
      if (each.kind === "summary") merged.summary = each;
    }
  };
  const stop = (): void => {
    for (const worker of workers) worker.tell({ kind: "stop" });
  };
  for (const worker of workers) worker.tell({ kind: "go", start_at: startAt });
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    await Promise.all(workers.map((worker, i) => worker.read(startAt, (record) => take(i, record))));
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  if (!merged.summary) throw new Error("every worker has ended without a summary of all");
  return merged.summary;
}
