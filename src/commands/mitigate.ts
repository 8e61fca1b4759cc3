/** `chaoslab mitigate <names>` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { findLab } from "../lab/host/lab.ts";
import { trySwitchMitigations } from "../lab/host/mitigations.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { checkLabName } from "../lab/host/record.ts";
import { mitigationsText } from "../model/mitigations.ts";
import { mitigationsOf } from "./mitigation-flags.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const names = mitigationsOf("mitigate", args[0] ?? "");
  const name = checkLabName(textFlag(flags, "lab") ?? "lab");
  requireRoot("a lab");
  const lab = findLab(name);
  if (!lab) throw new ChaoslabError("notFound", `no lab ${name} on this host`, "chaoslab up boots one");
  if (lab.state !== "ready") {
    throw new ChaoslabError("labFailed", `lab ${name} is ${lab.state}`, `chaoslab status --lab ${name}`);
  }
  const nodes = await trySwitchMitigations(lab, names);
  const failed = nodes.filter(({ failure }) => failure !== null);
  if (booleanFlag(flags, "json")) {
    process.stdout.write(`${JSON.stringify({ lab: name, mitigations: names, nodes })}\n`);
  } else {
    const took = nodes.filter(({ failure }) => failure === null).map(({ node }) => node);
    process.stdout.write(
      `lab ${name}: mitigations ${mitigationsText(names)}: ${took.join(", ") || "no service"}\n`,
    );
  }
  if (failed.length === 0) return ExitCode.ok;
  throw new ChaoslabError(
    "labFailed",
    `not taken by ${failed.map(({ node, failure }) => `${node} (${failure})`).join(", ")}`,
    "a node that is started again takes them then",
  );
}
