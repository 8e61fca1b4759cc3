/** Watches over the faults of one owner: `internal guard <journal> <owner as JSON>`; see src/faults/guard.ts. */
import { ExitCode } from "../../cli/errors.ts";
import { watch } from "../../faults/guard.ts";
import type { ProcessRef } from "../../lab/process.ts";

export async function run(args: string[]): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.stdout.write("watching\n");
  const done = await watch(args[0] ?? "", JSON.parse(args[1] ?? "null") as ProcessRef, Bun.stdin.text());
  return done ? ExitCode.ok : ExitCode.internal;
}
