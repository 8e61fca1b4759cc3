/** `chaoslab faults` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { table } from "../cli/terminal.ts";
import { type OpenFault, openFaults } from "../faults/journal.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { LabPaths, labNames } from "../lab/host/record.ts";
import { isAlive } from "../lab/process.ts";
import { labNameOf } from "../lab/ready.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const only = textFlag(flags, "lab");
  requireRoot("faults");
  const present = labNames();
  const names = only === undefined ? present : [labNameOf(only)];
  const unknown = names.find((name) => !present.includes(name));
  if (unknown !== undefined)
    throw new ChaoslabError("notFound", `no lab ${unknown} on this host`, "chaoslab status lists them");
  const all = names.flatMap((lab) => openFaults(new LabPaths(lab).journal).map((fault) => ({ lab, fault })));
  if (booleanFlag(flags, "json")) {
    const documents = all.map(({ lab, fault }) => ({
      lab,
      ...fault.event,
      active: fault.active,
      lease: fault.lease,
    }));
    process.stdout.write(`${JSON.stringify(documents)}\n`);
    return ExitCode.ok;
  }
  if (all.length === 0) {
    process.stdout.write("no active fault\n");
    return ExitCode.ok;
  }
  const rows = all.map(({ lab, fault }) => [
    fault.id,
    lab,
    fault.event.fault_type,
    fault.event.target,
    JSON.stringify(fault.event.params),
    fault.event.backend,
    `${((Date.now() - fault.event.t_start) / 1000).toFixed(0)} s`,
    left(fault),
  ]);
  const heading = ["id", "lab", "fault", "target", "params", "backend", "active", "left"];
  process.stdout.write(
    `${table([heading, ...rows], ["left", "left", "left", "left", "left", "left", "right", "right"])}\n`,
  );
  return ExitCode.ok;
}

/** Time to the end of the lease, or what is amiss. */
function left({ lease, owner }: OpenFault): string {
  if (!isAlive(owner)) return "owner dead";
  if (lease === null) return "-";
  const seconds = (lease - Date.now()) / 1000;
  return seconds > 0 ? `${seconds.toFixed(0)} s` : "overdue";
}
