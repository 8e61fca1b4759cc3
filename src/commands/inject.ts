/** `chaoslab inject <fault>` */
import { Value, type ValueError } from "@sinclair/typebox/value";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, durationFlag, type Flags, textFlag } from "../cli/flags.ts";
import { keepFault } from "../faults/keep.ts";
import { LONGEST_MS } from "../faults/keeper.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { requireProxies } from "../lab/lab.ts";
import { readyLab } from "../lab/ready.ts";
import { brokenRule, literalsOf, PARAMS } from "../model/params.ts";
import { faultType, flagName, paramsFromFlags } from "./fault-params.ts";

const OWN_FLAGS = ["lab", "target", "for", "backend", "json", "help", "h"];
const DEFAULT_MS = 60_000;

export async function run(args: string[], flags: Flags): Promise<number> {
  const type = faultType(args[0] ?? "");
  const target = textFlag(flags, "target");
  if (target === undefined)
    throw new ChaoslabError("usage", "--target: a node is needed", "chaoslab status lists them");
  const params = paramsFromFlags(type, flags, OWN_FLAGS);
  const wrong = Value.Errors(PARAMS[type], params).First();
  if (wrong) {
    const flag = flagName(wrong.path.split("/")[1] ?? "");
    throw new ChaoslabError("usage", `${flag}: ${complaint(wrong)}`);
  }
  const broken = brokenRule(type, params, target);
  if (broken) throw new ChaoslabError("usage", `${flagName(broken.field)}: ${broken.message}`);
  const durationMs = durationFlag(flags, "for", DEFAULT_MS, 100);
  if (durationMs > LONGEST_MS) throw new ChaoslabError("usage", "--for: at most 24h is accepted");
  requireRoot("injecting a fault");
  const lab = await readyLab(textFlag(flags, "lab"));
  if (type === "toxic") await requireProxies(lab);
  const backend = textFlag(flags, "backend");
  const fault = { type, target, params };
  const event = await keepFault({
    journal: lab.paths.journal,
    fault,
    ...(await lab.targetsOf(fault)),
    durationMs,
    ...(backend === undefined ? {} : { backend }),
  });
  process.stdout.write(
    booleanFlag(flags, "json")
      ? `${JSON.stringify(event)}\n`
      : `${event.id}: ${type} on ${target} by ${event.backend}, reverted in ${durationMs / 1000} s or by: chaoslab revert ${event.id}\n`,
  );
  return ExitCode.ok;
}

/** E.g. `is missing`, `101: Expected number to be less or equal to 100`. */
function complaint({ value, message, schema }: ValueError): string {
  if (value === undefined) return "is missing";
  const accepted = literalsOf(schema);
  const given = JSON.stringify(value);
  return accepted ? `${given} is none of ${accepted.join(", ")}` : `${given}: ${message}`;
}
