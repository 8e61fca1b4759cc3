/** `chaoslab down` */
import { ChaoslabError, ExitCode, reasonOf } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { labNames } from "../lab/host/record.ts";
import { teardown } from "../lab/host/teardown.ts";
import { DEFAULT_LAB, labNameOf } from "../lab/ready.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const all = booleanFlag(flags, "all");
  const named = textFlag(flags, "lab");
  if (all && named !== undefined) throw new ChaoslabError("usage", "--all and --lab: give one of them");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  requireRoot("down");
  const present = labNames();
  const names = all ? present : [labNameOf(named ?? DEFAULT_LAB)];
  // Stopping in the middle would only leave more to do: signals wait until it is done.
  const { dispose } = abortOnSignals();
  const failures: unknown[] = [];
  try {
    for (const name of names) {
      if (!present.includes(name)) {
        progress.say(`no lab ${name} on this host: nothing to remove`);
        continue;
      }
      const started = performance.now();
      try {
        await teardown(name, (line) => progress.say(line));
      } catch (error) {
        // It must not keep the others.
        failures.push(error);
        continue;
      }
      progress.say(`lab ${name} removed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new ChaoslabError("labFailed", failures.map(reasonOf).join("; "));
    if (all && names.length === 0) progress.say("no lab on this host: nothing to remove");
    return ExitCode.ok;
  } finally {
    dispose();
  }
}
