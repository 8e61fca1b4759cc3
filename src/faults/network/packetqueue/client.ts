/**
 * The owner's end of a packet worker.
 * @module
 */
import { Value } from "@sinclair/typebox/value";
import { ChaoslabError, reasonOf } from "../../../cli/errors.ts";
import { linesOf, nextLine } from "../../../cli/lines.ts";
import { selfCommand } from "../../../cli/self.ts";
import { inNamespace } from "../../../lab/netns.ts";
import type { ProcessRef } from "../../../lab/process.ts";
import { processRef } from "../../../lab/process.ts";

import { WORKER_NUMBERS, type WorkerOptions } from "./worker-options.ts";
import { WorkerGreeting, WorkerStats } from "./worker-stats.ts";

const START_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 1_000;

/** Argument vector of a worker. */
export function workerCommand(options: WorkerOptions): string[] {
  return selfCommand(
    ...["internal", "nfqueue"],
    ...["--queue", `${options.queue}`],
    ...WORKER_NUMBERS.flatMap(({ flag, key }) =>
      options[key] === 0 ? [] : [`--${flag}`, `${options[key]}`],
    ),
    ...["--seed", `${options.seed}`],
    ...["--max-lifetime-ms", `${options.maxLifetimeMs}`],
  );
}

function spawn(argv: string[]) {
  return Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}

/** A worker that listens. It ends when {@link end} closes its stdin, or when this process dies. */
export class WorkerClient {
  readonly ref: ProcessRef;
  readonly #child: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(child: ReturnType<typeof spawn>, ref: ProcessRef, lines: AsyncIterator<string>) {
    this.#child = child;
    this.ref = ref;
    this.#lines = lines;
  }

  /** Starts a worker inside the namespace; `busy` when another process listens on the queue. */
  static async start(netns: string, options: WorkerOptions): Promise<WorkerClient | "busy"> {
    const child = spawn(inNamespace(netns, workerCommand(options)));
    // Read at once: what is asked of /proc later might be asked of another process with that pid.
    const ref = processRef(child.pid);
    const lines = linesOf(child.stdout);
    try {
      const greeting = await parsed(WorkerGreeting, lines, START_TIMEOUT_MS);
      if (greeting !== null && "busy" in greeting) return "busy";
      if (greeting !== null && "ready" in greeting && ref) return new WorkerClient(child, ref, lines);
      const said =
        greeting && "error" in greeting
          ? greeting.error
          : (await child.stderr.text()).trim().split("\n", 1)[0];
      throw new ChaoslabError(
        "prerequisite",
        `the packet worker did not start: ${said || "it said nothing"}`,
      );
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** What the worker has done so far; null when it has ended. */
  stats(): Promise<WorkerStats | null> {
    const answer = this.#last.then(async () => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return null;
      this.#child.stdin.write("stats\n");
      await this.#child.stdin.flush();
      return parsed(WorkerStats, this.#lines, ANSWER_TIMEOUT_MS);
    });
    // One question at a time, so that answers are not mixed up.
    this.#last = answer.catch(() => {});
    return answer;
  }
}

async function parsed<S extends typeof WorkerGreeting | typeof WorkerStats>(
  schema: S,
  lines: AsyncIterator<string>,
  timeoutMs: number,
) {
  const line = await nextLine(lines, { of: "the packet worker", timeoutMs });
  if (line === null) return null;
  try {
    return Value.Parse(schema, JSON.parse(line));
  } catch (error) {
    throw new ChaoslabError("internal", `the packet worker answered something unknown: ${reasonOf(error)}`);
  }
}
