/** `chaoslab observe` */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ChaoslabError, ExitCode, reasonOf } from "../cli/errors.ts";
import { type Flags, textFlag } from "../cli/flags.ts";
import { loadSchedule } from "../experiment/schedule-file.ts";
import { scrapeTargets } from "../lab/host/observers.ts";
import { PORTS, PROMETHEUS_NODE } from "../lab/host/topology.ts";
import { readyHostLab } from "../lab/ready.ts";
import { stopConditionsOf } from "../model/schedule.ts";
import { grafanaFiles } from "../observe/board/files.ts";
import { prometheusFiles } from "../observe/prometheus/files.ts";
import { DEFAULT_WATCH, type Watch } from "../observe/prometheus/rules.ts";

/** Writes what a Prometheus and a Grafana need to watch the system. */
export async function run(_args: string[], flags: Flags): Promise<number> {
  const out = textFlag(flags, "out") ?? "observe";
  const lab = textFlag(flags, "lab");
  const topology = lab === undefined ? null : readyHostLab(lab).topology;
  // Containers reach each other by name.
  const targets = scrapeTargets((node) => topology?.address(node) ?? node);
  const schedule = textFlag(flags, "schedule");
  const url = prometheusUrl(
    textFlag(flags, "prometheus") ?? `http://${PROMETHEUS_NODE}:${PORTS[PROMETHEUS_NODE]}`,
  );
  const watch = schedule === undefined ? DEFAULT_WATCH : watchOf(schedule);
  const files = {
    ...under("prometheus", prometheusFiles(targets, watch)),
    ...under("grafana", grafanaFiles(url)),
  };
  for (const [path, text] of Object.entries(files)) write(join(out, path), text);
  process.stdout.write(
    `${Object.keys(files)
      .map((path) => join(out, path))
      .join("\n")}\n`,
  );
  return ExitCode.ok;
}

/** SLIs, SLOs and every stop condition of a schedule, each once. */
function watchOf(file: string): Watch {
  const { schedule } = loadSchedule(file);
  const stops = schedule.hypotheses.flatMap((hypothesis) => stopConditionsOf(hypothesis, schedule));
  const distinct = new Map(stops.map((stop) => [JSON.stringify(stop), stop]));
  return { slis: schedule.slis, slos: schedule.slos, stops: [...distinct.values()] };
}

function prometheusUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  const example = "http://127.0.0.1:9090";
  throw new ChaoslabError(
    "usage",
    `--prometheus: ${JSON.stringify(text)} is not an address such as ${example}`,
  );
}

const under = (folder: string, files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [join(folder, name), text]));

function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new ChaoslabError("usage", `--out: ${path} cannot be written: ${reasonOf(error)}`);
  }
}
