/** `chaoslab mitigate <names>` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { shopOf } from "../lab/lab.ts";
import { trySwitchMitigations } from "../lab/mitigations.ts";
import { readyLab } from "../lab/ready.ts";
import { mitigationsText } from "../model/mitigations.ts";
import { mitigationsOf } from "./mitigation-flags.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const names = mitigationsOf("mitigate", args[0] ?? "");
  requireRoot("a lab");
  const lab = await readyLab(textFlag(flags, "lab"));
  const { name } = lab;
  const nodes = await trySwitchMitigations(shopOf(lab, "mitigate"), names);
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
