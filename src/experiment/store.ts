/**
 * The folder of a run: schedule, environment, history and verdicts, readable at any moment of the run.
 * @module
 */
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ChaoslabError, codeOf, reasonOf } from "../cli/errors.ts";
import type { LoadRecord } from "../model/load.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Environment } from "./environment.ts";
import type { PoolSample } from "./pools.ts";

/** `verdicts.json`, and what `run --json` prints. Units: `*_p99` milliseconds, `*_rate` shares of 1, `*_s` seconds, `t_*` Unix epoch milliseconds. */
export interface RunDocument {
  run: string;
  schedule: string;
  /** `running` in the folder of a run that was cut off. */
  state: "running" | "complete" | "aborted";
  started_at: string;
  ended_at: string | null;
  seed: number;
  quick: boolean;
  /** Where everything of the run is kept. */
  folder: string;
  environment: Environment;
  verdicts: Verdict[];
}

/** A line of history-<hypothesis>.ndjson: the load's own records as they came, and samples of the pools. */
export type HistoryRecord = LoadRecord | { kind: "pools"; samples: PoolSample[] };

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
    this.write("verdicts.json", `${JSON.stringify(document, null, 2)}\n`);
  }

  history(hypothesis: string): HistoryFile {
    return new HistoryFile(join(this.path, `history-${hypothesis}.ndjson`));
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
