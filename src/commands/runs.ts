/** `chaoslab runs` */
import { ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { listRuns, stateOf, trialName } from "../experiment/store.ts";
import { textTable } from "../report/terminal.ts";

export async function run(_args: string[], flags: Flags): Promise<number> {
  const out = textFlag(flags, "out") ?? "results";
  const json = booleanFlag(flags, "json");
  const runs = listRuns(out).map((document) => ({ ...document, state: stateOf(document) }));
  if (json) {
    process.stdout.write(`${JSON.stringify({ runs })}\n`);
    return ExitCode.ok;
  }
  if (runs.length === 0) {
    process.stdout.write(`no runs in ${out}\n`);
    return ExitCode.ok;
  }
  const rows = runs.map(({ folder, started_at, profile, state, verdicts, repeats }) => [
    folder,
    started_at.replace(/\.\d+Z$/, "Z"),
    profile,
    state,
    verdicts.map((each) => `${trialName(each.hypothesis, each.repeat, repeats)} ${each.result}`).join(", ") ||
      "none",
  ]);
  process.stdout.write(
    `${textTable({ heading: ["run", "started", "profile", "state", "verdicts"], rows })}\n`,
  );
  return ExitCode.ok;
}
