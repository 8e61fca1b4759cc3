/** `--lab`, where a lab of any kind will do. */
import { type Flags, textFlag } from "../cli/flags.ts";
import { checkLabName } from "../lab/host/record.ts";
import { DEFAULT_LAB, isHostLab } from "../lab/ready.ts";

/** @throws {ChaoslabError} `usage` for what is neither a name, `docker` nor a file. */
export function labFlag(flags: Flags): string {
  const wanted = textFlag(flags, "lab") ?? DEFAULT_LAB;
  return isHostLab(wanted) ? checkLabName(wanted) : wanted;
}
