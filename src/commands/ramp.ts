/** `chaoslab ramp`: how much the system carries, found by asking for more and more. */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { booleanFlag, type Flags, textFlag } from "../cli/flags.ts";
import { abortOnSignals } from "../cli/signals.ts";
import { Progress } from "../cli/terminal.ts";
import { describeMachine } from "../experiment/environment.ts";
import { RunFolder, runName } from "../experiment/store.ts";
import { createTickLine } from "../load/describe.ts";
import { raisePriority } from "../load/priority.ts";
import { offlineWorkload } from "../load/source.ts";
import type { LoadTick, Stage } from "../model/load.ts";
import type { RampDocument, RampPlan } from "../model/ramp.ts";
import { conclude } from "../ramp/conclude.ts";
import type { Objective } from "../ramp/objective.ts";
import { Ramp, type RampOptions } from "../ramp/run.ts";
import { closing, rampCsv, stepLine, terminalRamp } from "../ramp/text.ts";
import { rampChart } from "../report/ramp-chart.ts";
import { readLimits, readSource } from "./load-flags.ts";
import { readObjectives, readPlan } from "./ramp-flags.ts";
import { withScenarioDefaults } from "./scenario-flags.ts";

export async function run(args: string[], flags: Flags): Promise<number> {
  const plan = readPlan(flags);
  const source = await readSource(args, flags);
  const objectives = readObjectives(flags, source);
  const said = source.kind === "scenario" ? withScenarioDefaults(source.scenario, flags) : flags;
  const { maxConnections, ...load } = readLimits(said);
  const workload = offlineWorkload(source);
  checkOperations(objectives, workload.operations);
  const given = textFlag(flags, "connections") !== undefined;
  const json = booleanFlag(flags, "json");
  const now = new Date();
  const folder = new RunFolder(textFlag(flags, "out") ?? `results/${runName("ramp", now)}`, "");
  const document: RampDocument = {
    kind: "ramp",
    state: "running",
    started_at: now.toISOString(),
    ended_at: null,
    folder: folder.path,
    machine: describeMachine(),
    targets: [...workload.targets],
    seed: load.seed,
    arrivals: load.arrivals,
    timeout_ms: load.timeoutMs,
    plan,
    slos: objectives.map((each) => each.text),
    limits: load.limits,
    steps: [],
    repeats: [],
    breakpoint: null,
    no_breakpoint: null,
    steady_rate_rps: null,
  };
  const { signal, dispose } = abortOnSignals();
  try {
    const options = { source, load, maxConnections: given ? maxConnections : null, plan, objectives, signal };
    await search(options, document, folder, new Progress({ quiet: booleanFlag(flags, "quiet") }));
  } finally {
    dispose();
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : terminalRamp(document));
  if (signal.aborted) return ExitCode.aborted;
  return document.breakpoint === null ? ExitCode.thresholdsFailed : ExitCode.ok;
}

/** Runs the search and keeps the document true, in the folder too, step by step. */
async function search(
  options: RampOptions,
  document: RampDocument,
  folder: RunFolder,
  progress: Progress,
): Promise<void> {
  const { plan, load, objectives, signal } = options;
  const save = (): void => folder.write("ramp.json", `${JSON.stringify(document, null, 2)}\n`);
  let line: { stages: readonly Stage[]; of: (tick: LoadTick) => string } | null = null;
  const ramp = new Ramp(options, {
    say: (text) => progress.say(text),
    onTick: (tick, stages) => {
      if (line?.stages !== stages) line = { stages, of: createTickLine(stages) };
      progress.tick(line.of(tick));
    },
    onStep: (step) => {
      document.steps.push(step);
      if (plan.mode === "steps") progress.say(stepLine(step, load.timeoutMs));
      save();
    },
    onRepeat: (repeat) => {
      document.repeats.push(repeat);
      const held = repeat.breakpoint_rps === null ? repeat.outcome : `held ${repeat.breakpoint_rps} rps`;
      progress.say(`repeat ${repeat.repeat} of ${plan.repeats}: ${held}, ${repeat.why}`);
    },
  });
  const finish = (state: RampDocument["state"]): void => {
    const ended_at = new Date().toISOString();
    Object.assign(document, conclude(document.repeats, plan, load.seed), { state, ended_at });
    save();
    folder.write("ramp.csv", rampCsv(document.steps));
    folder.write("ramp.svg", rampChart(document, objectives, closing(document)));
  };
  raisePriority();
  try {
    progress.say(`${plan.from_rps} to ${plan.to_rps} rps, ${plan.repeats} times: ${inWords(plan)}`);
    await ramp.run();
    finish(signal.aborted ? "aborted" : "complete");
  } catch (error) {
    // The target may have gone away in between: what is known until then is kept.
    if (document.steps.length > 0) finish("aborted");
    throw error;
  } finally {
    progress.end();
  }
}

function inWords({ mode, duration_s, warm_up_s }: RampPlan): string {
  return mode === "steps"
    ? `steps of ${duration_s} s after a warm-up of ${warm_up_s} s`
    : `a ramp of ${duration_s} s after a warm-up of ${warm_up_s} s`;
}

function checkOperations(objectives: readonly Objective[], known: readonly string[]): void {
  for (const { operation, text } of objectives) {
    if (operation === null || known.includes(operation)) continue;
    throw new ChaoslabError("usage", `--slo: ${text}: no such operation`, `there are ${known.join(", ")}`);
  }
}
