/**
 * One worker of `chaoslab load --workers`: reads a job, says that it is ready, runs at the instant it is told, and stops
 * when it is told to. When the parent goes, its stdin closes, and it ends at once; see src/load/workers.ts.
 */
import { ExitCode } from "../../cli/errors.ts";
import { linesOf } from "../../cli/lines.ts";
import { Output } from "../../load/output.ts";
import { readyHere } from "../../load/ready.ts";
import { prepareWorkload } from "../../load/source.ts";
import type { WorkerAnswer, WorkerOrder } from "../../load/workers.ts";
import { readLimits, readSource, readStages } from "../load-flags.ts";

export async function run(): Promise<number> {
  const leave = (): never => process.exit(ExitCode.aborted);
  const output = new Output(leave);
  const answer = (message: WorkerAnswer): void => output.line(JSON.stringify(message));
  const lines = linesOf(Bun.stdin.stream());
  const next = async (): Promise<WorkerOrder> => JSON.parse((await lines.next()).value ?? leave());

  const job = await next();
  if (job.kind !== "job") return ExitCode.internal;
  const { shard, maxConnections, maxInFlight, tokens, flags } = job;
  const limits = { ...readLimits(flags), shard, maxConnections, maxInFlight };
  const workload = await prepareWorkload(await readSource(job.args, flags), limits.timeoutMs, tokens);
  const load = await readyHere({ ...limits, stages: readStages(flags), workload });
  answer({ kind: "ready" });

  const go = await next();
  if (go.kind !== "go") return ExitCode.internal;
  const stop = new AbortController();
  void (async () => {
    for await (const _ of lines) stop.abort();
    leave();
  })();
  await load.run(go.start_at, { emit: answer, signal: stop.signal });
  await output.flush();
  return ExitCode.ok;
}
