/**
 * `chaoslab internal clock CGROUP...`: after a line on stdin, skews the clock of every process in the groups until
 * its stdin ends.
 * @module
 */
import { parseArgs } from "node:util";
import { ExitCode } from "../../cli/errors.ts";
import { parseNumber } from "../../cli/flags.ts";
import { sayError, Worker } from "../../faults/clock/worker.ts";

export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { id: text, "offset-ms": text, "max-lifetime-ms": text },
  });
  try {
    const worker = new Worker({
      id: values.id ?? "",
      offsetMs: parseNumber("offset-ms", values["offset-ms"] ?? "", { integer: true }),
      maxLifetimeMs: parseNumber("max-lifetime-ms", values["max-lifetime-ms"] ?? "", { min: 0 }),
      dirs: positionals,
    });
    await worker.run();
    return ExitCode.ok;
  } catch (error) {
    sayError(error);
    return ExitCode.internal;
  }
}
