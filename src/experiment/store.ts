/**
 * The folder of a run: schedule, environment, history and verdicts, readable at any moment of the run.
 * @module
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import { isAlive, type ProcessRef } from "../lab/process.ts";
import type { HistoryRecord } from "../model/history.ts";
import type { Load, Schedule } from "../model/schedule.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Environment } from "./environment.ts";
import { parseSchedule } from "./schedule-file.ts";
import { KEPT_SCENARIO } from "./schedule-load.ts";
import type { Stability } from "./stability.ts";

/**
 * `verdicts.json`, and what `run --json` prints. Units: `*_p99` milliseconds, `*_rate` shares of 1, `*_s` seconds, `t_*`
 * Unix epoch milliseconds.
 */
export interface RunDocument {
  run: string;
  schedule: string;
  /** `running` in the folder of a run that goes on, or was cut off: see {@link stateOf}. */
  state: "running" | "complete" | "aborted" | "failed";
  started_at: string;
  ended_at: string | null;
  /** The process that runs it. */
  owner: ProcessRef;
  seed: number;
  /** Offered load in requests per second. */
  rate: number;
  profile: string;
  repeats: number;
  /** Where everything of the run is kept. */
  folder: string;
  environment: Environment;
  verdicts: Verdict[];
  /** How far the repeats of each hypothesis agree; empty without repeats. */
  stability: Stability[];
}

/** `incomplete`: its process is gone without having said how it ended. */
export type RunState = RunDocument["state"] | "incomplete";

export const stateOf = ({ state, owner }: Pick<RunDocument, "state" | "owner">): RunState =>
  state === "running" && !isAlive(owner) ? "incomplete" : state;

/** Name of a trial's files: the hypothesis, and which of its repeats where there are several. */
export const trialName = (hypothesis: string, repeat: number, repeats: number): string =>
  repeats === 1 ? hypothesis : `${hypothesis}-${repeat}`;

const DOCUMENT = "verdicts.json";
const SCHEDULE = "schedule.yaml";

export const historyFile = (folder: string, trial: string): string => join(folder, `history-${trial}.ndjson`);

export class RunFolder {
  readonly path: string;

  constructor(
    out: string,
    readonly run: string,
  ) {
    this.path = join(out, run);
    try {
      mkdirSync(this.path, { recursive: true });
    } catch (error) {
      throw new ChaoslabError(
        codeOf(error) === "EACCES" ? "permission" : "usage",
        `--out: ${this.path} cannot be made: ${reasonOf(error)}`,
      );
    }
  }

  write(name: string, text: string): void {
    const path = join(this.path, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  writeDocument(document: RunDocument): void {
    this.write(DOCUMENT, `${JSON.stringify(document, null, 2)}\n`);
  }

  /**
   * All that a verdict needs besides the histories.
   * @param source the schedule's text.
   * @param load its load: a scenario is kept beside it.
   */
  writeSchedule(source: string, load?: Pick<Load, "scenario">): void {
    this.write(SCHEDULE, source);
    if (load?.scenario) this.write(KEPT_SCENARIO, load.scenario.source);
  }

  history(trial: string): HistoryFile {
    return new HistoryFile(historyFile(this.path, trial));
  }
}

/** Appends as it happens, so that a run that is cut off leaves what it saw. */
export class HistoryFile implements Disposable {
  readonly #fd: number;
  constructor(readonly path: string) {
    this.#fd = openSync(path, "w", 0o644);
  }
  append(record: HistoryRecord): void {
    writeSync(this.#fd, `${JSON.stringify(record)}\n`);
  }
  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** `cascade-20261123-204512`: sorts by schedule and time. UTC. */
export function runName(schedule: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${schedule}-${stamp}`;
}

/** The name, or the first of name-2, name-3 ... that nothing below `out` has yet. */
export function freshName(out: string, name: string): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!existsSync(join(out, candidate))) return candidate;
  }
}

/** A run as it was kept. */
export interface StoredRun {
  /** As found now, wherever it was made. */
  folder: string;
  document: RunDocument;
  schedule: Schedule;
  source: string;
}

/**
 * Reads a run from its folder, or from the path of its verdicts.json.
 * @throws {ChaoslabError} `notFound`, or `badConfig` for what is no run of ours.
 */
export function readRun(path: string): StoredRun {
  const folder = path.endsWith(DOCUMENT) ? dirname(path) : path;
  const document = readDocument(folder);
  const file = join(folder, SCHEDULE);
  const source = readText(file);
  // The rate may have come from a ramp or from a flag: what was run counts.
  const schedule = parseSchedule(source, file, document.rate);
  return { folder, document, schedule: { ...schedule, seed: document.seed }, source };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const missing = ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "");
    throw new ChaoslabError(
      "notFound",
      missing
        ? `${path}: no such file; is ${dirname(path)} the folder of a run?`
        : `${path}: ${reasonOf(error)}`,
      "chaoslab runs lists them",
    );
  }
}

export function readDocument(folder: string): RunDocument {
  const path = join(folder, DOCUMENT);
  let value: Partial<RunDocument> | null;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof ChaoslabError) throw error;
    throw new ChaoslabError("badConfig", `${path}: ${reasonOf(error)}`);
  }
  const isRun = typeof value?.run === "string" && Array.isArray(value.verdicts) && value.owner !== undefined;
  if (!isRun) throw new ChaoslabError("badConfig", `${path}: is not what chaoslab run writes`);
  return value as RunDocument;
}

/** The runs kept below a folder, oldest first. What is none of ours is left out. */
export function listRuns(out: string): RunDocument[] {
  let names: string[];
  try {
    names = readdirSync(out);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw error;
  }
  return names
    .flatMap((name) => {
      const folder = join(out, name);
      try {
        if (!statSync(folder).isDirectory()) return [];
        return [{ ...readDocument(folder), folder }];
      } catch {
        return [];
      }
    })
    .sort((a, b) => a.started_at.localeCompare(b.started_at));
}
