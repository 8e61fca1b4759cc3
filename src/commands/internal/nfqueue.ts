/**
 * `chaoslab internal nfqueue`: decides over the packets of one queue of the network namespace it is started in.
 * With `--probe` it only binds the queue, to show that it can.
 * @module
 */
import { parseArgs } from "node:util";
import { ExitCode, reasonOf } from "../../cli/errors.ts";
import { parseNumber } from "../../cli/flags.ts";
import { impairmentOf } from "../../faults/network/impairment.ts";
import { QueueBusyError } from "../../faults/network/packetqueue/queue-socket.ts";
import { say, Worker } from "../../faults/network/packetqueue/worker.ts";
import { WORKER_NUMBERS } from "../../faults/network/packetqueue/worker-options.ts";

export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const zero = { type: "string", default: "0" } as const;
  const { values } = parseArgs({
    args,
    options: {
      queue: text,
      "delay-ms": zero,
      "jitter-ms": zero,
      "loss-percent": zero,
      "correlation-percent": zero,
      "duplicate-percent": zero,
      "corrupt-percent": zero,
      "reorder-percent": zero,
      seed: text,
      "max-lifetime-ms": text,
      probe: { type: "boolean" },
    },
  });
  type Flag = "queue" | "seed" | "max-lifetime-ms" | (typeof WORKER_NUMBERS)[number]["flag"];
  const number = (name: Flag, max: number): number => parseNumber(name, values[name] ?? "", { min: 0, max });
  const impairment = impairmentOf({});
  for (const { flag, key, max } of WORKER_NUMBERS) impairment[key] = number(flag, max);
  const queue = number("queue", 65_535);
  try {
    const worker = new Worker({
      queue,
      ...impairment,
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
