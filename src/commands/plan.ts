/** `chaoslab plan` */
import { ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags } from "../cli/flags.ts";
import { type Plan, type PlannedFault, planRun } from "../experiment/plan.ts";
import { describeWindows } from "../experiment/prepare.ts";
import { mitigationsText } from "../model/mitigations.ts";
import { readChoice } from "./run-flags.ts";

export async function run([file = ""]: string[], flags: Flags): Promise<number> {
  const plan = await planRun(readChoice(file, flags));
  process.stdout.write(booleanFlag(flags, "json") ? `${JSON.stringify(plan)}\n` : text(plan));
  return ExitCode.ok;
}

function text(plan: Plan): string {
  const { schedule, profile, lab, rate, repeats, seed, duration_s, slos, trials } = plan;
  const state = lab.state === "up" ? "is up and stays" : "is booted for it and taken down after it";
  const minutes = Math.ceil(duration_s / 60);
  const head = [
    `${schedule}, profile ${profile}: ${trials.length} ${trials.length === 1 ? "trial" : "trials"}${repeats > 1 ? ` x ${repeats}` : ""}, about ${minutes} min`,
    `  lab   ${lab.name} ${state}${lab.proxies ? ", with proxies" : ""}`,
    `  load  ${rate} requests/s, seed ${seed}`,
    ...Object.entries(slos).map(
      ([sli, { steady, fault }]) => `  SLO   ${sli} ${steady}; under a fault ${fault}`,
    ),
  ];
  const blocks = trials.map(({ hypothesis, windows, faults, stop_conditions, expected, mitigations }) =>
    [
      `${hypothesis}: ${describeWindows(windows)}`,
      ...(mitigations ? [`  with  mitigations: ${mitigationsText(mitigations)}`] : []),
      ...faults.flatMap((fault) => faultLines(fault)),
      ...stop_conditions.map((condition) => `  stop  ${condition}: every fault is reverted at once`),
      ...(expected ? [`  expect ${expected.join(" or ")}`] : []),
    ].join("\n"),
  );
  return `${[head.join("\n"), ...blocks, "Nothing was touched."].join("\n\n")}\n`;
}

function faultLines({
  type,
  target,
  params,
  at_s,
  for_s,
  backend,
  uncertain,
  steps,
  undo,
}: PlannedFault): string[] {
  const { kind, ...data } = undo;
  return [
    `  fault ${type} on ${target} ${JSON.stringify(params)}, ${at_s > 0 ? `after ${at_s} s ` : ""}for ${for_s} s, by ${backend}`,
    ...(uncertain === null ? [] : [`        not certain: ${uncertain}`]),
    ...steps.map((step) => `        ${step}`),
    `  undo  ${kind} ${JSON.stringify(data)}`,
  ];
}
