/** `chaoslab up` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { bootLab, stepLine } from "../lab/host/lab.ts";
import { clearRemains, labDocument } from "../lab/host/manage.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { checkLabName, DEFAULT_SEEDED } from "../lab/host/record.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const name = checkLabName(textFlag(flags, "lab") ?? "lab");
  const progress = new Progress({ quiet: booleanFlag(flags, "quiet") });
  requireRoot("a lab");
  const { signal, dispose } = abortOnSignals();
  try {
    await clearRemains(name, (line) => progress.say(line));
    const booted = await bootLab(name, DEFAULT_SEEDED, (step) => progress.say(stepLine(step)), signal);
    if (signal.aborted) {
      await booted.down();
      throw new ChaoslabError("aborted", `boot of lab ${name} stopped; nothing of it is left`);
    }
    await booted.detach();
    progress.say(
      `lab ${name} is ready after ${(booted.ms / 1000).toFixed(1)} s: api at ${booted.lab.apiUrl}`,
    );
    if (booleanFlag(flags, "json"))
      process.stdout.write(`${JSON.stringify(await labDocument(booted.lab))}\n`);
    return ExitCode.ok;
  } finally {
    dispose();
  }
}
