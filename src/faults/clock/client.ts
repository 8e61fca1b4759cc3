/**
 * The owner's end of a clock worker.
 * @module
 */
import { ChaoslabError, type ExitKind } from "../../cli/errors.ts";
import { linesOf, nextLine } from "../../cli/lines.ts";
import { selfCommand } from "../../cli/self.ts";
import { type ProcessRef, processRef } from "../../lab/process.ts";
import type { Saying, WorkerOptions } from "./worker.ts";

const ANSWER_TIMEOUT_MS = 30_000;

function spawn(options: WorkerOptions) {
  const argv = selfCommand(
    ...["internal", "clock"],
    ...["--id", options.id],
    // With `=`, as a negative number alone would pass for a flag.
    `--offset-ms=${options.offsetMs}`,
    ...["--max-lifetime-ms", `${options.maxLifetimeMs}`],
    ...options.dirs,
  );
  return Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}

/** A worker that has started and waits. It restores and ends when this process dies. */
export class WorkerClient {
  private constructor(
    readonly ref: ProcessRef,
    readonly child: ReturnType<typeof spawn>,
    readonly lines: AsyncIterator<string>,
  ) {}

  static async start(options: WorkerOptions): Promise<WorkerClient> {
    const child = spawn(options);
    const ref = processRef(child.pid);
    const lines = linesOf(child.stdout);
    try {
      await answer(child, lines);
      if (ref) return new WorkerClient(ref, child, lines);
      throw new ChaoslabError("internal", "the clock worker has ended");
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Skews every process of the node; how many, and how long it took in milliseconds. */
  async skew(): Promise<{ processes: number; tookMs: number }> {
    this.child.stdin.write("go\n");
    await this.child.stdin.flush();
    const { skewed = 0, took_ms = 0 } = await answer(this.child, this.lines);
    return { processes: skewed, tookMs: took_ms };
  }
}

async function answer(child: ReturnType<typeof spawn>, lines: AsyncIterator<string>): Promise<Saying> {
  const line = await nextLine(lines, { of: "the clock worker", timeoutMs: ANSWER_TIMEOUT_MS });
  if (line === null) {
    const said = (await child.stderr.text()).trim().split("\n", 1)[0];
    throw new ChaoslabError("internal", `the clock worker has ended: ${said || "it said nothing"}`);
  }
  const saying = JSON.parse(line) as Saying;
  const kind: ExitKind = saying.kind ?? "internal";
  if (saying.error !== undefined) throw new ChaoslabError(kind, saying.error);
  return saying;
}
