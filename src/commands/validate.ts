/** `chaoslab validate` */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { checkTargets } from "../experiment/prepare.ts";
import { loadSchedule } from "../experiment/schedule-file.ts";
import { scheduleJsonSchema } from "../experiment/schedule-schema.ts";

interface Checked {
  file: string;
  /** In one line; null: nothing is wrong. */
  problem: string | null;
  schedule: string | null;
  hypotheses: number;
}

export async function run(files: string[], flags: Flags): Promise<number> {
  if (booleanFlag(flags, "schema")) {
    process.stdout.write(`${JSON.stringify(scheduleJsonSchema(), null, 2)}\n`);
    return ExitCode.ok;
  }
  if (files.length === 0) throw new ChaoslabError("usage", "validate: a schedule's file is needed");
  const checked = files.map(check);
  if (booleanFlag(flags, "json")) process.stdout.write(`${JSON.stringify({ files: checked })}\n`);
  else for (const each of checked) print(each);
  return checked.every(({ problem }) => problem === null) ? ExitCode.ok : ExitCode.badConfig;
}

function check(file: string): Checked {
  try {
    const { schedule } = loadSchedule(file);
    // Of another system only its own lab.yaml knows the nodes.
    if (!schedule.load.scenario) checkTargets(schedule, file);
    return { file, problem: null, schedule: schedule.name, hypotheses: schedule.hypotheses.length };
  } catch (error) {
    if (!(error instanceof ChaoslabError)) throw error;
    return { file, problem: error.oneLine, schedule: null, hypotheses: 0 };
  }
}

function print({ file, problem, schedule, hypotheses }: Checked): void {
  if (problem !== null) process.stderr.write(`chaoslab: ${problem}\n`);
  else
    process.stdout.write(
      `${file}: ok: ${schedule}, ${hypotheses} ${hypotheses === 1 ? "hypothesis" : "hypotheses"}\n`,
    );
}
