/** `chaoslab revert [id]` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { isInForce, type Reverted, revertAll } from "../faults/revert.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { LabPaths, labNames } from "../lab/host/record.ts";
import { labNameOf } from "../lab/ready.ts";
import { isFaultId, leftOf } from "../model/fault.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const [id] = args;
  const all = booleanFlag(flags, "all");
  if (all === (id !== undefined)) throw new ChaoslabError("usage", "revert: give one fault's id, or --all");
  if (id !== undefined && !isFaultId(id)) {
    const text = `revert: ${JSON.stringify(id)} is no fault's id, as f-1a2b3c4d is`;
    throw new ChaoslabError("usage", text, "chaoslab faults lists those that are active");
  }
  const only = textFlag(flags, "lab");
  requireRoot("revert");
  // Undoing is never left half done: signals wait.
  const { dispose } = abortOnSignals();
  try {
    const reverted: Reverted[] = [];
    const names = only === undefined ? labNames() : [labNameOf(only)];
    for (const name of names) {
      reverted.push(...(await revertAll(new LabPaths(name).journal, (fault) => all || fault.id === id)));
    }
    if (booleanFlag(flags, "json")) process.stdout.write(`${JSON.stringify(reverted)}\n`);
    else if (reverted.length > 0) process.stdout.write(`${reverted.map(line).join("\n")}\n`);
    else if (only !== undefined && !names.some((name) => labNames().includes(name)))
      process.stdout.write(`no lab ${names.join()} on this host: nothing to revert\n`);
    else process.stdout.write(all ? "no active fault\n" : `${id} is not active: nothing to revert\n`);
    return reverted.some(isInForce) ? ExitCode.labFailed : ExitCode.ok;
  } finally {
    dispose();
  }
}

function line({ event, error }: Reverted): string {
  const fault = `${event.id}: ${event.fault_type} on ${event.target}`;
  if (error !== null) return `${fault} NOT reverted: ${error}`;
  const left = leftOf(event);
  return left === null ? `${fault} reverted` : `${fault} reverted, but ${left}`;
}
