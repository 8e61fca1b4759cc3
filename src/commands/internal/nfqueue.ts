/**
 * `chaoslab internal nfqueue`: holds the packets of one queue of the network namespace it is started in.
 * With `--probe` it only binds the queue, to show that it can.
 * @module
 */
import { parseArgs } from "node:util";
import { ExitCode, reasonOf } from "../../cli/errors.ts";
import { parseNumber } from "../../cli/flags.ts";
import { QueueBusyError } from "../../faults/network/packetqueue/queue-socket.ts";
import { say, Worker } from "../../faults/network/packetqueue/worker.ts";

export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: {
      queue: text,
      "delay-ms": text,
      "jitter-ms": text,
      seed: text,
      "max-lifetime-ms": text,
      probe: { type: "boolean" },
    },
  });
  const number = (
    name: "queue" | "delay-ms" | "jitter-ms" | "seed" | "max-lifetime-ms",
    max: number,
  ): number => parseNumber(name, values[name] ?? "", { min: 0, max });
  const queue = number("queue", 65_535);
  try {
    const worker = new Worker({
      queue,
      delayMs: number("delay-ms", 60_000),
      jitterMs: number("jitter-ms", 60_000),
      seed: number("seed", 4_294_967_295),
      maxLifetimeMs: number("max-lifetime-ms", Number.MAX_SAFE_INTEGER),
    });
    if (!values.probe) await worker.run();
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof QueueBusyError) {
      say({ busy: queue });
      return ExitCode.addressInUse;
    }
    say({ error: reasonOf(error) });
    if (values.probe) process.stderr.write(`${reasonOf(error)}\n`);
    return ExitCode.prerequisite;
  }
}
