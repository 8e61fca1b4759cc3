/** A suite as the text of a schedule, with comments that say how to go on. @module */
import { parse } from "yaml";
import type { LabFile } from "../model/lab-file.ts";
import { type Group, type Suggested, type Suite, WINDOW_S } from "./suite.ts";

export interface Paths {
  /** Of lab.yaml, as it was given. */
  lab: string;
  /** Of the schedule, as it will be called. */
  schedule: string;
  /** Of the scenario, from the schedule. */
  scenario: string;
}

const WIDTH = 116;

export function suiteText(suite: Suite, load: NonNullable<LabFile["load"]>, paths: Paths): string {
  const { objectives, groups } = suite;
  const first = groups.flatMap(({ hypotheses }) => hypotheses)[0];
  const only = first ? ` --only ${first.name}` : "";
  return [
    `# A default suite for what ${paths.lab} describes, by chaoslab suite. Nobody's opinion yet: it is yours to change.`,
    `#   chaoslab plan ${paths.schedule} --lab ${paths.lab}${only}`,
    `#   chaoslab run ${paths.schedule} --lab ${paths.lab} --quick${only}`,
    "# What comes out of a first run is what the system does today: write it down as the hypothesis's `expect`, e.g.",
    "# expect: held, or expect: [held, degraded]. From then on `run --fail-on unexpected` tells when it has changed.",
    `name: ${suite.name}`,
    "description: >",
    ...folded("Each dependency slow, lossy and cut; each node hung, killed and short of something.", "  "),
    "seed: 1",
    `load: ${flow({ ...load, scenario: paths.scenario })}`,
    "",
    "slis:",
    ...[...objectives.slis].map(([name, sli]) => `  ${name}: ${flow(sli)}`),
    "",
    ...(objectives.areDefaults
      ? [
          "# Defaults, which nobody has asked the system for: `steady` is its bound when nothing is wrong, `fault` while",
          "# something is. A run shows the baseline; tighten both to what you would be embarrassed to break.",
        ]
      : []),
    "slos:",
    ...[...objectives.slos].map(([name, { steady, fault }]) => `  ${name}: ${flow({ steady, fault })}`),
    "",
    "experiments:",
    ...groups
      .filter(({ hypotheses }) => hypotheses.length > 0)
      .map(({ id, title, question }) => `  ${id}: ${flow({ title, question })}`),
    "",
    "hypotheses:",
    ...groups.flatMap((group) => [...groupLines(group)]),
  ]
    .join("\n")
    .replace(/\n*$/, "\n");
}

function* groupLines({ id, title, hypotheses, leftOut }: Group): Iterable<string> {
  yield `  # ${title}`;
  for (const each of hypotheses) yield* hypothesisLines(each, id);
  for (const { name, why } of leftOut) yield* folded(`${name} is left out: ${why}.`, "  # ");
  if (leftOut.length > 0) yield "";
}

function* hypothesisLines(each: Suggested, experiment: string): Iterable<string> {
  yield `  - name: ${each.name}`;
  yield "    description: >";
  yield* folded(each.claim, "      ");
  yield `    experiment: ${experiment}`;
  yield `    sli: ${each.sli}`;
  yield `    steady_state: ${scalar(each.bounds.steady)}`;
  yield `    slo_threshold: ${scalar(each.bounds.fault)}`;
  if (each.note !== null) yield* folded(each.note, "    # ");
  yield `    fault: ${flow(each.fault)}`;
  yield `    window_s: ${WINDOW_S}`;
  yield `    stop_condition: ${flow(each.stop)}`;
  if (each.blastRadius !== null) yield `    blast_radius: ${flow(each.blastRadius)}`;
  yield "";
}

/** Lines of at most {@link WIDTH} characters that begin with the indent. */
function folded(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${indent}${line}`);
}

/** Plain data in YAML's flow style, on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return scalar(value);
  const entries = Object.entries(value).map(([key, each]) => `${scalar(key)}: ${flow(each)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** Quoted unless it is read back as it is. */
function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain = /^[A-Za-z0-9./_-][A-Za-z0-9./_ -]*$/.test(value) && parse(value) === value;
  return isPlain ? value : JSON.stringify(value);
}
