/** `chaoslab integrity` */
import { ExitCode } from "../cli/errors.ts";
import { booleanFlag, durationFlag, type Flags, textFlag } from "../cli/flags.ts";
import { checkIntegrity } from "../experiment/integrity/check.ts";
import { collectIntegrity, sinceBoot } from "../experiment/integrity/collect.ts";
import { sampleLeases } from "../experiment/integrity/lease-samples.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { presentLab } from "../lab/ready.ts";
import { describeIntegrity } from "../report/integrity.ts";

/** Beyond the bound, for what was begun just before it was looked at. */
const SLACK_MS = 5_000;
/** Enough for each node to be asked between two answers of the other. */
const LEASE_ROUNDS = 3;

export async function run(_args: string[], flags: Flags): Promise<number> {
  const boundMs = durationFlag(flags, "pending-bound", 30_000, 1);
  requireRoot("integrity");
  const lab = await presentLab(textFlag(flags, "lab"));
  const start = await sinceBoot(lab);
  const facts = await collectIntegrity(lab, start, {
    pendingBoundS: boundMs / 1_000,
    deadlineMs: boundMs + SLACK_MS,
    leases: await sampleLeases(lab, LEASE_ROUNDS),
  });
  const report = checkIntegrity(facts);
  const document = { lab: lab.name, ...report, problems: facts.problems };
  const text = booleanFlag(flags, "json") ? JSON.stringify(document) : describeIntegrity(report);
  process.stdout.write(`${text}\n`);
  for (const problem of facts.problems) process.stderr.write(`chaoslab: integrity: ${problem}\n`);
  if (report.violations > 0) return ExitCode.thresholdsFailed;
  return facts.problems.length > 0 ? ExitCode.labFailed : ExitCode.ok;
}
