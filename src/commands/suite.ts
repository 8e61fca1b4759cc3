/** `chaoslab suite` */
import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { writeOutput } from "../cli/output.ts";
import { suggestion } from "../config/nearest.ts";
import { parseSchedule } from "../experiment/schedule-file.ts";
import { AttachedLab } from "../lab/attached/lab.ts";
import { requireRoot } from "../lab/host/prerequisites.ts";
import { loadScenario } from "../load/scenario/file.ts";
import { factsOf } from "../suite/facts.ts";
import { KINDS } from "../suite/library.ts";
import { makeSuite, type Suite } from "../suite/suite.ts";
import { suiteText } from "../suite/text.ts";

/** What it is called where it is only printed. */
const UNSAVED = "suite.yaml";

export async function run([labPath = ""]: string[], flags: Flags): Promise<number> {
  const out = textFlag(flags, "out");
  const only = onlyFlag(flags);
  if (out !== undefined && existsSync(out) && !booleanFlag(flags, "force")) {
    throw new ChaoslabError("usage", `--out: ${out} is there already`, "--force writes over it");
  }
  requireRoot("looking at the nodes of a lab");
  const lab = await AttachedLab.open(labPath);
  const { load } = lab.file;
  if (!load) {
    const example = "load: { scenario: scenario.yaml, rate: 100, timeout_s: 5 }";
    throw new ChaoslabError(
      "badConfig",
      `${labPath}: load: is missing: a suite needs one`,
      `e.g. ${example}`,
    );
  }
  const scenario = resolve(dirname(labPath), load.scenario);
  const operations = loadScenario(relative(".", scenario)).operations.map(({ name, weight = 1 }) => ({
    name,
    weight,
  }));
  checkNeeds(
    lab,
    labPath,
    operations.map(({ name }) => name),
  );
  const facts = await factsOf(lab);
  const suite = makeSuite({ file: lab.file, facts, operations, timeoutS: load.timeout_s, only });
  const schedule = out ?? UNSAVED;
  const text = suiteText(suite, load, {
    lab: labPath,
    schedule,
    scenario: relative(dirname(resolve(schedule)), scenario),
  });
  requireSome(suite, labPath);
  parseSchedule(text, schedule);
  if (out !== undefined) writeOutput("out", out, text);
  process.stdout.write(
    booleanFlag(flags, "json") ? `${JSON.stringify(document(suite, text, out))}\n` : said(suite, text, out),
  );
  return ExitCode.ok;
}

function onlyFlag(flags: Flags): string[] | null {
  const text = textFlag(flags, "only");
  if (text === undefined) return null;
  return text.split(",").map((word) => {
    const kind = word.trim();
    if (KINDS.includes(kind)) return kind;
    const accepted = `one of ${KINDS.join(", ")}`;
    throw new ChaoslabError(
      "usage",
      `--only: ${JSON.stringify(kind)} is none${suggestion(kind, KINDS)}`,
      accepted,
    );
  });
}

/** What the lab's file says of operations must be said of those that there are. */
function checkNeeds({ file }: AttachedLab, path: string, known: readonly string[]): void {
  const unknown = Object.keys(file.needs ?? {}).find((operation) => !known.includes(operation));
  if (unknown === undefined) return;
  throw new ChaoslabError(
    "badConfig",
    `${path}: needs.${unknown}: no such operation${suggestion(unknown, known)}`,
    `operations of the load: ${known.join(", ")}`,
  );
}

function requireSome({ groups }: Suite, path: string): void {
  if (groups.some(({ hypotheses }) => hypotheses.length > 0)) return;
  const why = groups.flatMap(({ leftOut }) => leftOut).map(({ why: each }) => each);
  const reason = [...new Set(why)].join("; ") || "of these kinds there is none for it";
  throw new ChaoslabError("badConfig", `${path}: nothing can be done to this system: ${reason}`);
}

function document({ name, groups }: Suite, text: string, out: string | undefined) {
  return {
    schedule: name,
    /** Null: it was not written. */
    file: out ?? null,
    hypotheses: groups.flatMap(({ id, hypotheses }) =>
      hypotheses.map(({ name: hypothesis, kind, fault }) => ({
        name: hypothesis,
        kind,
        experiment: id,
        fault,
      })),
    ),
    left_out: groups.flatMap(({ leftOut }) => leftOut),
    text,
  };
}

function said({ groups }: Suite, text: string, out: string | undefined): string {
  if (out === undefined) return text;
  const some = groups.filter(({ hypotheses }) => hypotheses.length > 0);
  const count = some.reduce((sum, { hypotheses }) => sum + hypotheses.length, 0);
  const left = groups.flatMap(({ leftOut }) => leftOut);
  return [
    `${out}: ${count} ${count === 1 ? "hypothesis" : "hypotheses"} in ${some.length} ${some.length === 1 ? "experiment" : "experiments"}`,
    ...left.map(({ name, why }) => `  ${name} is left out: ${why}`),
    "",
  ].join("\n");
}
