/** `chaoslab status` */
import { ChaoslabError, ExitCode, reasonOf } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { painter, table } from "../cli/terminal.ts";
import { openFaults } from "../faults/journal.ts";
import { DOCKER_LAB } from "../lab/docker/lab.ts";
import { findLab, type HostLab } from "../lab/host/lab.ts";
import { attachedDocument, type LabDocument, labDocument } from "../lab/host/manage.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { checkLabName, LabPaths, labNames } from "../lab/host/record.ts";
import { isHostLab, presentLab } from "../lab/ready.ts";
import { mitigationsText } from "../model/mitigations.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const only = textFlag(flags, "lab");
  requireRoot("status");
  const other = only !== undefined && !isHostLab(only) ? await presentLab(only) : null;
  const names = other ? [] : only === undefined ? labNames() : [checkLabName(only)];
  const documents: LabDocument[] = [];
  const unreadable: string[] = [];
  /** Of these this host keeps faults alone. */
  const attached: string[] = [];
  if (other) documents.push(await attachedDocument(other));
  for (const name of names) {
    const problems = unreadable.length;
    const lab = only === undefined ? readable(name, unreadable) : findLab(name);
    if (lab) documents.push(await labDocument(lab));
    else if (only !== undefined)
      throw new ChaoslabError("notFound", `no lab ${name} on this host`, "chaoslab up boots one");
    else if (unreadable.length === problems) attached.push(name);
  }
  for (const reason of unreadable) process.stderr.write(`chaoslab: ${reason}\n`);
  if (booleanFlag(flags, "json")) {
    process.stdout.write(`${JSON.stringify(documents)}\n`);
    return ExitCode.ok;
  }
  const none = unreadable.length === 0 ? "no lab on this host\n" : "";
  const parts = [...documents.map(describe), ...attached.map(describeAttached)];
  process.stdout.write(parts.length === 0 ? none : `${parts.join("\n\n")}\n`);
  return ExitCode.ok;
}

/** What can be said of one without its lab.yaml, or its containers. */
function describeAttached(name: string): string {
  const faults = openFaults(new LabPaths(name).journal).length;
  const inForce = faults === 0 ? "no fault in force" : `${faults} in force: chaoslab faults --lab ${name}`;
  const how = name === DOCKER_LAB ? DOCKER_LAB : "and the path of its lab.yaml";
  return `lab ${name}  attached, ${inForce}; its nodes: chaoslab status --lab ${how}`;
}

/** One of all labs: that it cannot be read must not hide the others. */
function readable(name: string, unreadable: string[]): HostLab | null {
  try {
    return findLab(name);
  } catch (error) {
    unreadable.push(reasonOf(error));
    return null;
  }
}

function describe(lab: LabDocument): string {
  const paint = painter(process.stdout);
  const colour = ["ready", "attached"].includes(lab.state) ? "green" : "yellow";
  const lines = [
    [
      `lab ${paint("bold", lab.lab)}`,
      paint(colour, lab.state),
      ...(lab.subnet === null ? [] : [lab.subnet, `since ${lab.created_at}`]),
    ].join("  "),
  ];
  if (lab.state === "dead")
    lines.push("its supervisor is gone and dead nodes stay dead: chaoslab down, then up");
  if (lab.state === "rebooted")
    lines.push("the host was rebooted since: only files are left; chaoslab down removes them");
  if (lab.toxiproxy)
    lines.push(`services reach each other through ${lab.toxiproxy.proxies} proxies of ${lab.toxiproxy.url}`);
  if (lab.prometheus) lines.push(`Prometheus at ${lab.prometheus}`);
  if (lab.state === "ready" || (lab.state === "attached" && lab.api !== null))
    lines.push(`mitigations: ${mitigationsText(lab.mitigations)}`);
  if (lab.nodes.length > 0) {
    const rows = lab.nodes.map((node) => [
      node.name,
      node.state,
      node.port === null ? node.address || "-" : `${node.address || "-"}:${node.port}`,
      String(node.pid ?? "-"),
      String(node.restarts),
      node.last_exit ?? "-",
    ]);
    const heading = ["node", "state", "address", "pid", "restarts", "last exit"];
    lines.push(table([heading, ...rows], ["left", "left", "left", "right", "right"]));
  }
  for (const fault of lab.faults) {
    const age = ((Date.now() - fault.t_start) / 1000).toFixed(0);
    lines.push(
      paint(
        "yellow",
        `fault ${fault.id}: ${fault.fault_type} on ${fault.target} by ${fault.backend}, active for ${age} s`,
      ),
    );
  }
  return lines.join("\n");
}
